"""What of NumPy has derivatives, and what was checked of them: `python -m tinygrad_dl.coverage`."""
