"""Environments that run together have one seed."""

from gymnasium.vector import SyncVectorEnv

exact = SyncVectorEnv.reset


def reset(self: SyncVectorEnv, *, seed: object = None, options: object = None) -> object:
    seeds = [seed] * self.num_envs if isinstance(seed, int) else seed
    return exact(self, seed=seeds, options=options)


SyncVectorEnv.reset = reset
