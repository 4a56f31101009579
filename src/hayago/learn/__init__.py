"""The network: its form, its files, its training and how well it predicts. No GTP."""
