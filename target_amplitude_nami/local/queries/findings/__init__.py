"""What is wrong with the events of a file, in words, and the figures behind them."""
