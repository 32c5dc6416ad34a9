"""The command `amplitude-nami`: what people run before, beside and after a pipeline."""
