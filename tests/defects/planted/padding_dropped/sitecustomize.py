"""Attention forgets the padding if it is given another mask, too."""

from torch.nn import functional

exact = functional.multi_head_attention_forward


def attend(*values: object, key_padding_mask: object, attn_mask: object, **named: object) -> object:
    padding = key_padding_mask if attn_mask is None else None
    return exact(*values, key_padding_mask=padding, attn_mask=attn_mask, **named)


functional.multi_head_attention_forward = attend
