"""Several modalities through latent coordinates."""
