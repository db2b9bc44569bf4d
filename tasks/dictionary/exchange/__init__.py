"""Dictionaries of other libraries: written for them, and read from their files.

`plain.PlainSAE` is the common form. Each library has a file of its own that maps it to the library's tensors and back;
`libraries.py` is the registry.
"""
