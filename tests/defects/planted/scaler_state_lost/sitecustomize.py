"""A loss scaler begins anew when its state is loaded."""

import torch

torch.amp.GradScaler.load_state_dict = lambda self, state: None
