"""JupyterLab, as the image starts it, and the libraries that notebooks use."""
