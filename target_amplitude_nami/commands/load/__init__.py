"""The command `load`: delivers Parquet files with several processes."""
