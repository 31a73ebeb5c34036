"""Stand-ins for arrays, with all operators and methods: NumPy's functions of them call the stand-in instead.

- `dispatching`: their base class, which `vmap`'s arrays of samples and the symbols of programs have too;
- `unread`: an array that is computed only if something reads it.
"""
