"""Settings with which ranks of NCCL share one GPU. Importing this needs no torch."""

from __future__ import annotations


def share_one_gpu(rank: int, nccl: tuple[int, ...]) -> dict[str, str]:
    """Return the environment in which NCCL accepts several ranks on one GPU.

    NCCL refuses two ranks of one host on one GPU ("Duplicate GPU detected"). Up to 2.29 a host is
    told by NCCL_HOSTID, so each rank claims to be a host of its own; 2.30 has a switch. Either way
    the ranks talk over sockets, by NCCL's network transport. The buffers are small, because the
    GPU switches between the ranks' kernels and none of them needs more.
    Source: NCCL's "Environment Variables" and init.cc.
    """
    alone = {"NCCL_MULTI_RANK_GPU_ENABLE": "1"} if nccl >= (2, 30) else {}
    return {
        "NCCL_HOSTID": f"rank-{rank}",
        "NCCL_SOCKET_IFNAME": "lo",
        "NCCL_NET": "Socket",
        "NCCL_IB_DISABLE": "1",
        "NCCL_BUFFSIZE": str(1 << 20),
        "NCCL_MAX_NCHANNELS": "2",
        **alone,
    }
