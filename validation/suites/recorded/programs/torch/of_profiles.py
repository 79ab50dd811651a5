"""Programs that profile, count operations, follow modules."""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator
from typing import Any

from ... import pool
from ..families import Family
from .scripts import play_script

SCHEDULES = """
def plan(steps=9, **options):
    chosen = p.schedule(**options)
    return [chosen(step).name for step in range(steps)]
plan(wait=1, warmup=1, active=2), plan(wait=0, warmup=1, active=1, repeat=2)
plan(wait=2, warmup=0, active=1, skip_first=3)
plan(wait=2, warmup=1, active=1, skip_first=1, skip_first_wait=1)
plan(wait=1, warmup=1, active=0), plan(wait=-1, warmup=1, active=1), plan(wait=1, warmup=1)
p.schedule(wait=1, warmup=1, active=1)(-1), [*p.ProfilerAction]
def follow(steps, early=False, **options):
    ready = []
    kept = lambda found: ready.append([found.step_num, [each.name for each in found.events() if
       each.name[:2] != 'cu'], found.current_action.name])
    with p.profile(activities=[p.ProfilerActivity.CPU], on_trace_ready=kept, **options) as found:
        for step in range(steps):
            torch.ones(2).add(step)
            found.step()
    return [ready, found.step_num, found.current_action.name]
follow(5, schedule=p.schedule(wait=1, warmup=1, active=1)), follow(3)
follow(4, schedule=lambda step: p.ProfilerAction.RECORD_AND_SAVE if step % 2 else
 p.ProfilerAction.WARMUP)
follow(4, schedule=p.schedule(wait=0, warmup=1, active=2, repeat=1), acc_events=True)
follow(2, schedule=3), p.profile(activities=[]), p.profile(activities=[3])
follow(3, schedule=lambda step: p.ProfilerAction.RECORD if step == 1 else p.ProfilerAction.NONE)
"""
PROFILED = """
import json
def run():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with p.record_function('forward', 'some words'):
        given = net(torch.ones(2, 3))
    with p.record_function('backward'):
        given.sum().backward()
def take(**options):
    with p.profile(activities=[p.ProfilerActivity.CPU], **options) as found:
        run()
    return found
plain, full = take(), take(record_shapes=True, profile_memory=True, with_flops=True,
 with_modules=True, with_stack=False)
def line(each):
    return [each.name, each.cpu_parent.name if each.cpu_parent else None, [child.name for child in
       each.cpu_children if child.name != '[memory]'], each.count, each.scope, each.is_async,
       each.is_legacy, each.input_shapes,
       each.flops, each.sequence_nr >= 0,
       str(each.device_type), each.is_user_annotation, each.kernels, each.node_id]
[line(each) for each in plain.events()]
[line(each) for each in full.events() if each.name != '[memory]']
def group(found, **options):
    rows = found.key_averages(**options)
    return sorted([each.key, each.count, str(each.input_shapes), each.flops] for each in rows
        if each.key != '[memory]')
group(plain), group(full, group_by_input_shape=True), group(full, group_by_stack_n=2)
heads = [row.split() for row in full.key_averages().table(sort_by='count',
 row_limit=2).splitlines()[:2]]
heads, full.key_averages().table(sort_by='zz'), full.profiler is None, repr(p.profile())
full.key_averages().table(header='zz').splitlines()[:1]
full.add_metadata('a', 'b'), full.add_metadata_json('c', '[1]')
full.preset_metadata_json('d', '2') if hasattr(full, 'preset_metadata_json') else 0
full.export_chrome_trace('trace.json')
trace = json.load(open('trace.json'))
sorted(trace)[:3] != []
sorted({each['name'] for each in trace['traceEvents'] if each.get('cat') == 'cpu_op'})
[each['args'].get('Input Dims') for each in trace['traceEvents'] if each.get('name') ==
 'aten::addmm']
full.export_stacks('stacks.txt'), full.export_stacks('stacks.txt', 'zz'), p.profile().events()
p.profile().key_averages()
take(experimental_config=torch._C._profiler._ExperimentalConfig()).events()[0].name
def pause():
    cpu = [p.ProfilerActivity.CPU]
    with p.profile(activities=cpu, with_stack=True) as found:
        torch.ones(3).sum(), found.toggle_collection_dynamic(False, cpu), torch.ones(2).exp()
        found.toggle_collection_dynamic(True, cpu), torch.ones(2).cos()
    return [each.name for each in found.events() if each.name.startswith('aten')]
pause(), p.profile().toggle_collection_dynamic(True, [])
def write(**options):
    import os
    folder = f'logs{len(options)}'
    ready = p.tensorboard_trace_handler(folder, 'worker', **options)
    with p.profile(activities=[p.ProfilerActivity.CPU], on_trace_ready=ready):
        torch.ones(1)
    return [[part for part in each.split('.') if not part.isdigit()] for each in os.listdir(folder)]
write(), write(use_gzip=True)
torch.profiler.kineto_available(), [each.name for each in take().profiler.function_events][:3]
@p.record_function('whole')
def whole(values):
    return values.sin()
with p.profile(activities=[p.ProfilerActivity.CPU]) as found:
    whole(torch.ones(2)), whole(torch.ones(3))
[each.name for each in found.events()], whole.__name__
"""
EVENTS = """
u = torch.autograd.profiler_util
def make(place, name, start, end, **options):
    more = {'stack': [], 'flops': 0, 'trace_name': name, 'fwd_thread': 1} | options
    return u.FunctionEvent(place, name, more.pop('thread', 1), start, end, **more)
def build(device=None, **options):
    shapes = {'input_shapes': [[2, 3], [4, 3]]}
    lines = ['a.py(1): f', 'b.py(2): g', 'c.py(3): <module>']
    late = {'is_async': options.pop('late', False)}
    rows = [
     ('train', 0, 1000, {'input_shapes': []}),
     ('aten::linear', 100, 400, {'flops': 48000, 'stack': lines} | shapes),
     ('aten::addmm', 150, 350, {'flops': 48, 'cpu_memory_usage': 2048, 'sequence_nr': 3} | shapes),
     ('aten::addmm', 360, 380, {'input_shapes': [[9]], 'cpu_memory_usage': -5000000}),
     ('aten::linear', 500, 900, {'stack': lines[:1]} | shapes | late),
     ('Back', 2000, 2000500, {'thread': 2, 'scope': 1, 'sequence_nr': 3,
        'device_memory_usage': 1 << 30}),
    ]
    rows += [('gemm', 160, 237, {'device_type': torch.autograd.DeviceType.CUDA})] if device else []
    return u.EventList([make(place, name, start, end, use_device=device, **more) for place, (name,
       start, end, more) in enumerate(rows)], use_device=device, **options)
found = build(profile_memory=True, with_flops=True)
found._build_tree()
[[each.name, each.cpu_parent and each.cpu_parent.name, each.cpu_time_total,
 each.self_cpu_time_total, each.self_cpu_memory_usage, each.cpu_time_str, each.key] for each in
 found]
found.self_cpu_time_total, found[1], str(found)
found.table(), found.table(sort_by='cpu_time_total')
found.table('self_cpu_time_total', row_limit=2)
found.table(max_src_column_width=9, max_name_column_width=12, max_shapes_column_width=8)
found.table(header='head', top_level_events_only=True), found.table(sort_by='zz')
u.EventList([]).table()
found.key_averages(), found.key_averages(True).table('count')
found.key_averages(False, 2).table(), found.key_averages(True, 1)[1], found.total_average()
found.key_averages()[0].self_cpu_memory_usage
found.key_averages(group_by_input_shapes=True).table(sort_by='cpu_memory_usage',
 top_level_events_only=True)
cuda = build('cuda', profile_memory=True)
cuda._build_tree(), cuda[2].append_kernel('gemm', 0, 77), cuda[2].device_time_total
cuda[1].device_time_total, cuda[1].self_device_time_total, cuda[2].kernels
cuda.table('device_time_total'), cuda.key_averages().table('self_device_time_total'), cuda[1]
cuda[2].cuda_time_total, cuda[0].device_time_total_str, cuda[2].self_cuda_time_total
late = build(late=True)
late._build_tree(), late.table(), late[4].self_cpu_time_total
late.supported_export_stacks_metrics(), late.export_stacks('s', 'self_cpu_time_total')
open('s').read(), late.export_stacks('s', 'zz'), late.export_chrome_trace('t'), open('t').read()
cuda.export_chrome_trace('t'), open('t').read(), u.Interval(3, 9).elapsed_us()
make(1, 'a', 0, 5, is_remote=True, use_device='zz'), make(1, 'a', 0, 5).append_cpu_child(3)
one, two = u.FunctionEventAvg(), u.FunctionEventAvg()
one.add(found[1]), one.add(found[4]), two.add(one), two.add(found[0])
one.__iadd__(found[4]).count, one.key, one.cpu_time, one.cpu_time_total_str, one
[u._format_time(each) for each in (0.5, 1, 999.4, 1e3, 2.5e6, 1e9)], u._format_time_share(3, 9)
u._format_time_share(0, 0), u._format_time_share(3, 0)
[u._format_memory(each) for each in (0, 1, 1024, -2048, 5 * 2 ** 20, 3 * 2 ** 30, -2 ** 31)]
u._filter_name('[memory]'), u._filter_name('aten::add'), u._rewrite_name('aten::copy_', True)
u._filter_stack_entry(('FILE', 'x'))
u._filter_stack_entry('torch/autograd/__init__.py: _make_grads')
u.MemRecordsAcc([]).in_interval(0, 3)
double = u.EventList([make(0, 'a', 0, 10), make(1, 'a', 0, 10), make(2, 'b', 1, 9)])
double._build_tree(), [each.name for each in double], double[0].cpu_children
make(9, 'x', 3, 1).cpu_time_total
"""
COUNTED = """
f = torch.utils.flop_counter
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.rest = nn.Conv2d(1, 2, 2, padding=1), nn.Sequential(nn.Flatten(),
        nn.Linear(50, 3))
        self.turn = nn.ConvTranspose2d(2, 2, 2)
    def forward(self, values):
        given = self.conv(values)
        return self.rest(given), self.turn(given)
net, pictures = Net(), torch.ones(2, 1, 4, 4, requires_grad=True)
def sort(counts):
    return {name: counts[name] for name in sorted(counts)}
def count(run, **options):
    counter = f.FlopCounterMode(**{'display': False} | options)
    with counter:
        run()
    return [counter.get_total_flops(), sort(counter.get_flop_counts()), counter.get_table(),
       counter.get_table(depth=1)]
count(lambda: net(pictures)), count(lambda: sum(each.sum() for each in net(pictures)).backward())
count(lambda: net(pictures), depth=0), count(lambda: net(pictures), mods=net), count(lambda: None)
rows, batch = torch.ones(2, 3), torch.ones(2, 3, 4)
count(lambda: rows @ rows.T), count(lambda: torch.bmm(batch, batch.mT))
count(lambda: torch.baddbmm(torch.ones(2, 3, 3), batch, batch.mT))
count(lambda: torch.addmm(torch.ones(2, 2), rows, rows.T))
count(lambda: torch.einsum('bij,bkj->bik', batch, batch)), count(lambda: torch.mv(rows, rows[0]))
heads = torch.ones(1, 2, 3, 4, requires_grad=True)
count(lambda: F.scaled_dot_product_attention(heads, heads, heads))
count(lambda: F.scaled_dot_product_attention(heads, heads, heads,
 is_causal=True).sum().backward())
count(lambda: nn.MultiheadAttention(4, 2)(batch, batch, batch))
count(lambda: nn.LSTM(3, 2)(rows))
count(lambda: rows.sin(), custom_mapping={torch.ops.aten.sin: lambda shape, out_shape=None,
 **rest: shape[0] * 7})
count(lambda: F.conv1d(batch, torch.ones(2, 3, 2)))
count(lambda: F.conv3d(torch.ones(1, 1, 3, 3, 3), torch.ones(2, 1, 2, 2, 2), stride=2))
f.conv_flop_count([2, 1, 4, 4], [2, 1, 2, 2], [2, 2, 5, 5])
f.conv_flop_count([2, 1, 4, 4], [1, 2, 2, 2], [2, 2, 5, 5], True)
f.sdpa_flop_count((1, 2, 3, 4), (1, 2, 5, 4), (1, 2, 5, 6))
f.sdpa_backward_flop_count((1, 2, 3, 6), (1, 2, 3, 4), (1, 2, 5, 4), (1, 2, 5, 6))
f.sdpa_flop_count((1, 2, 3, 4), (1, 2, 5, 3), (1, 2, 5, 6)), f.bmm_flop([2, 3, 4], [2, 4, 5])
f.mm_flop([2, 3], [3, 4]), f.mm_flop([2, 3], [4, 4]), f.addmm_flop([1], [2, 3], [3, 4])
f.baddbmm_flop([1], [2, 3, 4], [2, 4, 5]), f.bmm_flop([1, 3, 4], [2, 4, 5])
[f.convert_num_with_suffix(each, f.get_suffix_str(each)) for each in (0, 9, 1234, 123456,
 99999999, 10 ** 13)]
f.convert_to_percent_str(1, 3), f.convert_to_percent_str(1, 0), f.normalize_tuple(3)
f.get_shape(3), f.get_shape(rows)
f.register_flop_formula(torch.ops.aten.mm)(lambda *shapes: 3)
f.register_flop_formula(3)(lambda: 3), sorted(map(str, f.flop_registry))
shown = f.FlopCounterMode(net, 1, False)
with shown:
    net(pictures)
    net.conv(pictures)
sort(shown.get_flop_counts()), shown.get_table(), shown.get_table(9)
from torch.utils.module_tracker import ModuleTracker
seen = []
class Noting(nn.Module):
    def forward(self, values):
        seen.append([sorted(tracker.parents), tracker.is_bw])
        values.register_hook(lambda grad: seen.append([sorted(tracker.parents),
           tracker.is_bw])) if values.requires_grad else 0
        return values * 2
tracked = nn.Sequential(nn.Linear(3, 3), nn.Sequential(Noting(), nn.ReLU()), Noting())
with ModuleTracker() as tracker:
    tracked(torch.ones(2, 3)).sum().backward()
    tracked[2](torch.ones(1))
seen, sorted(tracker.parents), ModuleTracker().is_bw
"""

LISTS = {
    **{"schedules": SCHEDULES, "profiled": PROFILED, "events": EVENTS},
    "counted": COUNTED,
}


@contextlib.contextmanager
def stand_in(name: str, **parts: Any) -> Iterator[None]:
    """Let a module that may be missing be imported with these parts, and forget it again."""
    before = {key: each for key, each in sys.modules.items() if key == name}
    made = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(name, None))
    vars(made).update(parts)
    sys.modules[name] = made
    try:
        yield
    finally:
        del sys.modules[name]
        sys.modules.update(before)


def profile_calls(name: str) -> list[str]:
    """Return what profilers and counters tell of calls, but for times."""
    parts = {"p": "torch.profiler", "a": "torch.autograd.profiler", "c": "torch.utils.flop_counter"}
    pool.set_seeds()
    with stand_in("tabulate", tabulate=lambda rows, **options: [rows, options]):
        return play_script(LISTS[name], {k: importlib.import_module(v) for k, v in parts.items()})


OF_PROFILES = (Family(profile_calls, lambda: [*LISTS], lambda _: None),)
