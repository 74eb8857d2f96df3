"""jaxinfo: generate, measure and couple several modalities with one masked diffusion model."""
