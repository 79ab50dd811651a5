"""torch's operators, layers, optimizers, loaders and files against definitions computed apart."""
