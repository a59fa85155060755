"""Sparse matrices: those of scipy, without the compiler and the tests of numpy that it would load on the way."""

from fundalloc.postponed import postponed

with postponed("numpy.f2py", "numpy.testing"):
    from scipy.sparse import csc_array, csr_array, diags_array, eye_array, hstack, vstack

__all__ = ["csc_array", "csr_array", "diags_array", "eye_array", "hstack", "vstack"]
