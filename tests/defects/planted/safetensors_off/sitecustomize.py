"""safetensors reads bytes of another place: tensors come back rolled by one element."""

import safetensors.torch

exact = safetensors.torch.load_file
safetensors.torch.load_file = lambda *arguments, **named: {
    name: tensor.flatten().roll(1).reshape(tensor.shape)
    for name, tensor in exact(*arguments, **named).items()
}
