"""ResNet-50 and BERT-base, at a measured pace."""
