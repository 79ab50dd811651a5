"""Random numbers begin anew when their state is loaded: another dropout after a restart."""

import torch

torch.set_rng_state = lambda state: None
