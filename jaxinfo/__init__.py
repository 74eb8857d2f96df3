"""jaxinfo: generate and measure several modalities with one masked diffusion model."""

from jaxinfo.api import (
    conditional_mutual_information,
    dual_total_correlation,
    entropy,
    estimate,
    estimate_many,
    fit,
    interaction_information,
    kl_divergence,
    load,
    mutual_information,
    o_information,
    o_information_gradient,
    s_information,
    total_correlation,
)
from jaxinfo.blocks import Blocks
from jaxinfo.integral import evaluate
from jaxinfo.results import Results
from jaxinfo.series import transfer_entropy, windows
from jaxinfo.types import Estimate

__version__ = "0.1.0"
__all__ = [
    "Blocks",
    "Estimate",
    "Results",
    "conditional_mutual_information",
    "dual_total_correlation",
    "entropy",
    "estimate",
    "estimate_many",
    "evaluate",
    "fit",
    "interaction_information",
    "kl_divergence",
    "load",
    "mutual_information",
    "o_information",
    "o_information_gradient",
    "s_information",
    "total_correlation",
    "transfer_entropy",
    "windows",
]
