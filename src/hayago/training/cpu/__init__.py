"""Faster convolutions for training on a CPU. Nothing here changes what is learned; read it last."""
