"""Programs that compare measured times, with a clock that always goes on alike."""

from __future__ import annotations

import importlib
import sys

from ..families import Family
from .of_profiles import stand_in
from .scripts import play_script

BENCHMARKS = """
import copy
ticks = [0.0]
def clock():
    return ticks[0]
def spend(time):
    ticks[0] += time
timer = b.Timer('spend(x + y)', 'x = 1', timer=clock, globals={'y': 2, 'spend': spend},
 label='adding', sub_label='one', description='plain', env='here', num_threads=2)
first = timer.timeit(5)
first, first.times, first.median, first.mean, first.iqr, first.significant_figures
first.has_warnings, first.meets_confidence(), first.title, first.env, first.as_row_name
first.task_spec, str(first), first.number_per_run, first.zz
ticks[0] = 0.0
timer.blocked_autorange(min_run_time=9), timer.autorange()
timer.adaptive_autorange(max_run_time=30), timer.repeat(2, 3), timer.timeit(0)
b.Timer('zz', timer=clock).timeit(1), b.Timer('x', 'y', language='zz')
b.Timer('a', global_setup='b'), b.Timer(3), b.Timer(lambda: 3)
spec = b.TaskSpec('a + b', 'a = 1', label='sums', sub_label='small', description='now',
 num_threads=1) if hasattr(b, 'TaskSpec') else common.TaskSpec('a + b', 'a = 1', label='sums',
 sub_label='small', description='now', num_threads=1)
def measure(times, **changes):
    import dataclasses
    return common.Measurement(10, times, dataclasses.replace(spec, **changes))
spec, spec.title, spec.setup_str(), spec.summarize()
common.TaskSpec('one\\ntwo', 'three\\nfour', global_setup='five').summarize()
common.TaskSpec('x' * 99, 'pass').title, common.TaskSpec('x', 'y').setup_str()
some = [measure([10.0, 12.0, 11.0, 10.5], sub_label=size, description=when, num_threads=count,
 env=env) for size in ('small', 'big') for when in ('now', 'then') for count in (1, 4) for env in
 ('this', 'other')]
wild = measure([1e-7, 9.0, 3e-4, 1.0], env='this')
some[0], wild, wild.has_warnings, wild.meets_confidence(0.1), measure([2e-6]), measure([]).median
measure([1e-3] * 3), measure([float('nan')]).mean
[len(each.times) for each in common.Measurement.merge(some + some[:2] + [measure([7.0])])]
common.Measurement.merge(some + [wild])[0]
table = b.Compare(some + [measure([99.0], sub_label='small', description='then', env='this')])
str(table), table.trim_significant_figures(), str(table), table.highlight_warnings(), str(table)
table.colorize(), str(table), table.colorize(rowwise=True), str(table), table.print()
table.hide_units() if hasattr(table, 'hide_units') else 0, table.extend_results([wild])
str(table), b.Compare([3]), str(b.Compare([]))
[common.select_unit(each) for each in (1e-10, 1e-8, 2e-5, 0.003, 3, 900)]
common.unit_to_english('us'), common.unit_to_english('zz'), common.trim_sigfig(1234.567, 3)
common.trim_sigfig(0.00123456, 2), common.ordered_unique([3, 1, 3, 2])
with common.set_torch_threads(1):
    torch.get_num_threads()
fuzz = b.Fuzzer([b.FuzzedParameter('k0', 2, 9, 'uniform'), b.FuzzedParameter('k1', 1, 64,
 'loguniform'), b.FuzzedParameter('d', distribution={1: 0.5, 2: 0.5}),
 b.ParameterAlias('k0')][:3], [b.FuzzedTensor('x', size=('k0', 'k1'), min_elements=4,
 probability_contiguous=0.5, dim_parameter='d', steps=None, cuda=False)], constraints=[lambda
 params: params['k0'] > 2], seed=5)
[[{name: list(each.shape) for name, each in tensors.items()}, values, details] for tensors,
 values, details in fuzz.take(4)]
fuzz.rejection_rate, b.FuzzedParameter('a', 1, 2), b.FuzzedParameter('a', distribution='zz')
b.Fuzzer([b.FuzzedParameter('a', 1, 2, 'uniform')] * 2, [])
"""


def compare_times() -> list[str]:
    """Return what benchmarks tell of a clock that always goes on alike."""
    before = {*sys.modules}
    with stand_in("torch.utils.cpp_extension"):  # it needs packages that only compilers need
        names = {"b": importlib.import_module("torch.utils.benchmark")}
        names["common"] = importlib.import_module("torch.utils.benchmark.utils.common")
        results = play_script(BENCHMARKS, names)
    for each in {*sys.modules} - before:
        if each.startswith("torch.utils.benchmark"):
            del sys.modules[each]
    return results


OF_BENCHMARKS = (Family(compare_times, lambda: [""], lambda _: None),)
