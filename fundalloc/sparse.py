"""Sparse matrices: those of scipy, without the compiler and the tests of numpy that it would load on the way."""

from fundalloc.postponed import postponed

PARTS = ("char", "ctypeslib", "f2py", "ma", "polynomial", "rec", "strings", "testing")

with postponed(*(f"numpy.{name}" for name in PARTS)):
    from scipy.sparse import csc_array, csr_array, diags_array, eye_array, hstack, vstack

__all__ = ["csc_array", "csr_array", "diags_array", "eye_array", "hstack", "vstack"]
