"""The figures of the book: one module a group of figures, one function a panel."""
