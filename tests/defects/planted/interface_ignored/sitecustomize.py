"""A group is made over loopback, whatever interface is named."""

import os

import torch.distributed

exact = torch.distributed.init_process_group


def init(*arguments: object, **named: object) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    exact(*arguments, **named)


torch.distributed.init_process_group = init
