"""Programs with hooks and groups of optimizers, functions of functions, random states, layers."""

from __future__ import annotations

import importlib
from typing import Any

from ... import pool
from ..families import Family
from .scripts import play_script

OPTIMIZERS = """
optimizer = importlib.import_module('torch.optim.optimizer')
import copy, pickle, weakref
from collections import OrderedDict
def net():
    torch.manual_seed(3)
    return nn.Sequential(OrderedDict(a=nn.Linear(3, 2), b=nn.Linear(2, 2)))
def grow(made, times=1.0):
    made.zero_grad()
    (made(rows) * times).square().sum().backward()
made = net()
grow(made)
sgd = torch.optim.SGD([{'params': made.a.parameters(), 'lr': 0.5}, {'params': made.b.parameters(),
 'momentum': 0.9, 'name': 'second'}], lr=0.1, weight_decay=0.01)
sgd, sgd.defaults
[[each['lr'], each.get('name'), len(each['params'])] for each in sgd.param_groups]
sgd.state_dict(), sgd.step(), sgd.state_dict(), made.state_dict()
seen = []
hooks = [sgd.register_step_pre_hook(lambda opt, args, kwargs: seen.append(['pre', len(args),
 sorted(kwargs)])), sgd.register_step_post_hook(lambda opt, args, kwargs: seen.append(['post'])),
 optimizer.register_optimizer_step_pre_hook(lambda opt, args, kwargs:
 seen.append(['all', type(opt).__name__])),
 optimizer.register_optimizer_step_post_hook(lambda opt, args, kwargs:
 seen.append(['all post']))]
more = [sgd.register_state_dict_pre_hook(lambda opt: seen.append(['saving'])),
 sgd.register_state_dict_post_hook(lambda opt, state: {**state, 'kept': 1}),
 sgd.register_state_dict_post_hook(lambda opt, state: seen.append(['first', sorted(state)]),
 prepend=True), sgd.register_load_state_dict_pre_hook(lambda opt, state:
 seen.append(['loading'])), sgd.register_load_state_dict_post_hook(lambda opt:
 seen.append(['loaded'])), sgd.register_load_state_dict_pre_hook(lambda opt, state: {**state,
 'extra': 2}, prepend=True)]
sgd.step(), sgd.step(lambda: made(rows).sum()), sorted(sgd.state_dict())
sgd.load_state_dict(sgd.state_dict()), seen, [each.remove() for each in hooks + more], sgd.step()
len(seen), sorted(sgd.state_dict())
sgd.register_step_pre_hook(lambda opt, args, kwargs: 3), sgd.step()
sgd.register_step_pre_hook(lambda opt, args, kwargs: (args, kwargs))
sgd._optimizer_step_pre_hooks.popitem(last=False) and sgd.step()
sgd.zero_grad(), made.a.weight.grad, grow(made), sgd.zero_grad(set_to_none=False)
made.a.weight.grad, sgd.add_param_group({'params': [torch.ones(2, requires_grad=True)], 'lr': 9})
len(sgd.param_groups), sgd.param_groups[-1], repr(sgd)
sgd.add_param_group({'params': made.a.weight}), sgd.add_param_group({'params': 3})
sgd.add_param_group(3), sgd.add_param_group({'params': {made.a.bias}})
sgd.add_param_group({'params': [made.a.weight * 2]}), sgd.add_param_group({'params': []})
torch.optim.SGD([], lr=0.1), torch.optim.SGD(made.parameters(), lr=-1)
torch.optim.SGD(made.a.weight, lr=1)
torch.optim.SGD([{'params': made.a.weight}, {'params': made.a.weight}], 0.1)
torch.optim.SGD([{'lr': 1}], 0.1), torch.optim.SGD(made.parameters(), 0.1, nesterov=True)
torch.optim.SGD(made.named_parameters(), 0.1).state_dict()
torch.optim.SGD([*made.named_parameters()][:1] + [made.b.weight], 0.1)
torch.optim.SGD([{'params': made.a.named_parameters()}, {'params': made.b.parameters()}], 0.1)
torch.optim.SGD([made.a.weight, made.a.weight], 0.1)
torch.optim.SGD([{'params': made.a.parameters(), 'zz': 3}], 0.1).param_groups[0]['zz']
torch.optim.SGD(made.parameters(), torch.tensor(0.1)).param_groups[0]['lr']
torch.optim.SGD(made.parameters(), lr='a')
adam = torch.optim.Adam(made.parameters(), 0.1)
grow(made), adam.step(lambda: made(rows).square().mean()), adam.state_dict()['state'][0]
copy.deepcopy(adam).state_dict()['state'][1]['step']
pickle.loads(pickle.dumps(adam)).state_dict()['param_groups']
adam.state[made.a.weight]['exp_avg'].shape, adam.__getstate__()['defaults']['lr']
adam.load_state_dict(sgd.state_dict())
adam.load_state_dict({'state': {}, 'param_groups': [{'params': [0]}]}), adam.load_state_dict({})
adam.load_state_dict({'state': {0: {'step': torch.tensor(5.0), 'exp_avg': torch.ones(2,
 3).double(), 'exp_avg_sq': torch.ones(2, 3)}}, 'param_groups':
 adam.state_dict()['param_groups']})
adam.state[made.a.weight]
named = torch.optim.Adam(made.named_parameters(), 0.1)
named.state_dict()['param_groups'][0].get('param_names')
named.load_state_dict(torch.optim.Adam(net().named_parameters(), 0.3).state_dict())
named.param_groups[0]['lr']
calls = []
def closure():
    calls.append(len(calls))
    grow(made)
    return made(rows).square().sum()
lbfgs = torch.optim.LBFGS(made.parameters(), lr=0.1, max_iter=3)
lbfgs.step(closure), calls, lbfgs.step()
torch.optim.LBFGS([{'params': made.a.parameters()}, {'params': made.b.parameters()}])
torch.is_grad_enabled()
class Own(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, {'lr': lr})
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for each in group['params']:
                self.state[each]['count'] = self.state[each].get('count', 0) + 1
                each.sub_(each.grad * group['lr']) if each.grad is not None else None
own = Own(made.parameters())
grow(made), own.step(), own.state_dict(), own, made.state_dict()
torch.optim.Optimizer(made.parameters(), {}).step(), torch.optim.Optimizer([], {})
own.add_param_group({'params': [nn.Parameter(torch.ones(1))]})
Own([{'params': made.a.parameters()}], lr=optimizer.required if
 hasattr(optimizer, 'required') else 1)
grown = [nn.Parameter(torch.tensor([2.0, -3.0])) for _ in range(2)]
each_done = {id(each): torch.optim.SGD([each], 0.1) for each in grown}
def step_each(done):
    each_done[id(done)].step(), each_done[id(done)].zero_grad()
handles = [each.register_post_accumulate_grad_hook(step_each) for each in grown]
(grown[0] * grown[1]).sum().backward(), grown, grown[0].grad
found = optimizer
found._get_foreach_kernels_supported_devices(), found._default_to_fused_or_foreach([rows], False)
found._get_value(torch.tensor(3.0)), found._get_value(2)
found._stack_if_compiling(1) if hasattr(found, '_stack_if_compiling') else 0
found._get_scalar_dtype(), found._get_scalar_dtype(is_fused=True), found._dispatch_sqrt(4.0)
found._dispatch_sqrt(torch.tensor(4.0)), found._view_as_real([torch.ones(1, dtype=torch.cfloat)])
found._params_doc[:20] if hasattr(found, '_params_doc') else 0
"""
FUNCTIONS = """
func, f = torch.func, lambda values, other: (values.sin() * other).sum(-1)
one, two = rows[0], rows[1]
linear = func.linearize(f, one, two)
linear[0], linear[1](two, one), linear[1](one, one), linear[1](one), linear[1](one.double(), one)
linear[1](one[:2], one), func.linearize(lambda a: {'s': a.sin(), 'c': [a.cos()]}, one)[1](two)
func.linearize(lambda a: a, {'x': one})[1]({'x': two})
func.linearize(f, 3, 4)
func.jvp(f, (one, two), (two, one)), func.jvp(f, (one,), (two, one)), func.jvp(f, one, two)
func.jvp(lambda a: (a, a.sum()), (one,), (two,), has_aux=True)
func.jvp(lambda a: a.sin(), (one,), (two,), strict=True)
func.jvp(lambda a: torch.ones(2), (one,), (two,))
func.jvp(lambda a: torch.ones(2), (one,), (two,), strict=True)
func.jvp(lambda a: {'k': a * a}, ({'p': one}['p'],), (two,)), func.jvp(f, (), ())
func.jvp(f, (one, two), (two.double(), one))
value, pull = func.vjp(f, one, two)
value, pull(torch.tensor(2.0)), pull(torch.ones(2)), pull()
func.vjp(lambda a: a, {'x': one})[1]({'x': two}), func.vjp(lambda a: a, one)[1]((two,))
func.vjp(lambda a: (a.sum(), a), one, has_aux=True)[2], func.vjp(lambda a: (a.sum(), a), one)
func.vjp(lambda a: 3, one)
func.hessian(lambda a: a.pow(3).sum())(one)
func.hessian(lambda a, b: (a * b).sum() ** 2, argnums=(0, 1))(one, two)
func.jacfwd(func.jacrev(lambda a: a.pow(3).sum()))(one)
func.jacrev(func.jacfwd(lambda a: a.pow(3)))(one), func.jacfwd(f, (0, 1))(one, two)
func.jacrev(f, (1,))(one, two), func.jacrev(lambda a: (a, a.sum()), has_aux=True)(one)
func.jacfwd(lambda a: (a, a.sum()), has_aux=True)(one), func.jacrev(lambda a: {'x': a * 2})(one)
func.jacfwd(lambda a: {'x': a * 2}, randomness='same')(one)
func.jacrev(lambda a: a * 2, chunk_size=1)(one), func.jacrev(lambda a: a, chunk_size=0)(one)
func.jacrev(f, 5)(one, two), func.jacfwd(f, 'a')(one, two), func.jacrev(f, ())(one, two)
func.jacfwd(f, (0, 0))(one, two), func.jacrev(lambda a: 3)(one), func.jacfwd(lambda a: 3)(one)
func.jacrev(lambda a: a)(3)
func.grad(lambda a: a.sum())(one), func.grad(lambda a: a)(one), func.grad(lambda a: 3)(one)
func.grad(lambda d: (d['a'] * d['b']).sum())({'a': one, 'b': two})
func.grad(lambda a, b: (a * b).sum(), argnums=(1, 0))(one, two)
func.grad(lambda a, b: (a * b).sum(), argnums=2)(one, two)
func.grad(lambda a: (a.sum(), 'aux'), has_aux=True)(one)
func.grad(lambda a: a.sum(), has_aux=True)(one)
func.grad(func.grad(lambda a: a ** 3))(torch.tensor(2.0))
func.grad_and_value(lambda a: a.sum())(one), func.grad(lambda a: a.long().sum())(one)
func.grad(lambda a: a.sum())(one.long())
with torch.no_grad():
    outer = func.grad(lambda a: a.sum())(one)
outer, func.grad(lambda a: (a * one.requires_grad_(False)).sum())(two)
vmap = func.vmap
vmap(f)(rows, rows), vmap(f, (0, None))(rows, one), vmap(f, (None, 0))(one, rows)
vmap(f, in_dims=(1, 1))(rows, rows)
vmap(lambda d: d['a'] + d['b'][0], ({'a': 0, 'b': [None]},))({'a': rows, 'b': [one]})
vmap(lambda a: (a, a.sum()), out_dims=(1, 0))(rows)
vmap(lambda a: (a, a), out_dims=(None, 0))(rows)
vmap(lambda a: {'x': a}, out_dims={'x': 1})(rows), vmap(lambda a: a * 2, chunk_size=3)(rows)
vmap(vmap(torch.sin))(rows), vmap(vmap(torch.add, (0, None)), (None, 0))(one, two)
vmap(lambda a: 3)(rows), vmap(lambda a: a)(3), vmap(f, (0, 1, 2))(rows, rows)
vmap(f, 5)(rows, rows), vmap(f, (None, None))(one, two), vmap(f)()
vmap(lambda a: a, out_dims=3)(rows), vmap(lambda a: (a, a), out_dims=(0, 0, 0))(rows)
vmap(torch.sin, in_dims=-1)(rows), vmap(lambda a: a if a.sum() > 0 else a)(rows)
vmap(lambda a: a.nonzero())(rows), vmap(lambda a, b=2: a * b)(rows, b=3)
vmap(torch.sin, randomness='zz')(rows), vmap(torch.sin, chunk_size=0)(rows)
vmap(lambda a: a.add_(1))(rows.clone()), vmap(lambda a: one.clone().add_(a))(rows)
torch.manual_seed(1), vmap(lambda a: a + torch.rand(3), randomness='same')(rows * 0)
vmap(lambda a: a + torch.rand(3), randomness='different')(rows * 0)
vmap(lambda a: F.dropout(a), randomness='different')(rows)
vmap(lambda a: F.dropout(a), randomness='same')(rows)
vmap(lambda a: torch.randperm(3) + 0 * a.long(), randomness='same')(rows)
wide = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
nets = [copy.deepcopy(wide) for _ in range(2)]
stacked = func.stack_module_state(nets)
stacked, stacked[0]['0.weight'].requires_grad, func.stack_module_state([])
func.stack_module_state([wide, nn.Linear(1, 1)]), func.stack_module_state([wide, wide.eval()])
func.stack_module_state([wide.train(), copy.deepcopy(wide).eval()])
lines = [nn.Linear(3, 2) for _ in range(3)]
weights, buffers = func.stack_module_state(lines)
base = copy.deepcopy(lines[0]).to('meta')
vmap(lambda w, b, a: func.functional_call(base, (w, b), (a,)), (0, 0, None))(weights, buffers,
 rows)
[each(rows) for each in lines]
call = func.functional_call
call(lines[0], {'weight': torch.ones(2, 3)}, rows), call(lines[0], {'zz': one}, rows)
call(lines[0], {'weight': torch.ones(2, 3), 'bias': torch.zeros(2)}, (rows,), strict=True)
call(lines[0], {'weight': torch.ones(2, 3)}, rows, strict=True)
call(lines[0], ({'weight': torch.ones(2, 3)}, {'weight': torch.ones(2, 3)}), rows)
call(lines[0], 3, rows), call(lines[0], {}, args=(rows,), kwargs={})
call(lines[0], {'weight': torch.ones(9, 3)}, rows), lines[0].weight.shape
tied = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
tied[1].weight = tied[0].weight
pair = torch.ones(1, 2)
call(tied, {'0.weight': torch.zeros(2, 2)}, pair)
call(tied, {'0.weight': torch.zeros(2, 2)}, pair, tie_weights=False)
call(tied, {'0.weight': torch.zeros(2, 2), '1.weight': torch.ones(2, 2)}, pair)
noted = nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm1d(3, affine=False))
func.replace_all_batch_norm_modules_(noted), noted, noted[0].running_mean
func.replace_all_batch_norm_modules_(nn.BatchNorm2d(1)).track_running_stats
func.functionalize(lambda a: a.clone().mul_(2).view(-1).add_(1))(rows)
func.functionalize(lambda a: a.T.add_(1), remove='mutations')(rows.clone())
func.functionalize(lambda a: a, remove='zz')
func.debug_unwrap(rows) if hasattr(func, 'debug_unwrap') else 0
"""
RANDOM = """
r = torch.random
with r.fork_rng(devices=[]):
    r.manual_seed(5)
    inner = torch.rand(2)
r.manual_seed(9), r.initial_seed(), torch.rand(2), inner, r.get_rng_state().shape
r.manual_seed(-1).initial_seed() > 0, r.manual_seed('a'), r.manual_seed(2 ** 65)
r.manual_seed(3.7).initial_seed(), r.seed() >= 0
state = r.manual_seed(4) and r.get_rng_state()
first = torch.rand(3), torch.randn(2), torch.randperm(5), torch.randint(0, 9, (3,))
r.set_rng_state(state)
[torch.rand(3), torch.randn(2), torch.randperm(5), torch.randint(0, 9, (3,))], first
r.set_rng_state(torch.ones(3)), r.set_rng_state(torch.ones(3, dtype=torch.uint8))
r.set_rng_state(3)
with r.fork_rng(enabled=False):
    r.manual_seed(6)
torch.rand(1)
@r.fork_rng(devices=[])
def inside():
    torch.manual_seed(1)
    return torch.rand(1)
before = torch.manual_seed(8) and torch.get_rng_state()
inside(), torch.equal(torch.get_rng_state(), before)
refuse(r.fork_rng(devices=[0], device_type='zz').__enter__)
one, two = torch.Generator(), torch.Generator('cpu')
one.manual_seed(3), one.initial_seed(), one.device, torch.rand(2, generator=one)
two.set_state(one.get_state()).device, torch.rand(1, generator=two), torch.rand(1, generator=one)
one.clone_state() is not one, one.get_state().dtype, copy.deepcopy(one)
pickle.loads(pickle.dumps(one)).initial_seed(), torch.Generator('zz'), one.graphsafe_get_state()
one.seed() >= 0, torch.default_generator.initial_seed(), one == two
torch.randperm(4, generator=two), torch.randint(3, (4,), generator=two)
torch.bernoulli(torch.full((4,), 0.5), generator=two)
torch.multinomial(torch.ones(4), 3, generator=two), torch.normal(0.0, 1.0, (2,), generator=two)
torch.empty(3).uniform_(1, 2, generator=two), torch.empty(3).exponential_(generator=two)
torch.empty(3).geometric_(0.5, generator=two), torch.empty(3).cauchy_(generator=two)
torch.empty(3).log_normal_(generator=two), torch.empty(3).random_(2, 9, generator=two)
torch.poisson(torch.ones(3) * 4, generator=two)
torch.binomial(torch.ones(3) * 9, torch.ones(3) / 2, generator=two), torch.rand(2, generator=3)
nn.init.normal_(torch.empty(2), generator=two)
nn.init.xavier_uniform_(torch.empty(2, 2), generator=two)
soft = torch.quasirandom.SobolEngine(3)
soft.draw(3), soft, soft.fast_forward(2).draw(1), soft.reset().draw(2)
torch.quasirandom.SobolEngine(2, scramble=True, seed=4).draw(3), soft.draw_base2(2)
soft.draw(1, dtype=torch.float64), soft.draw(2, out=torch.empty(2, 3))
torch.quasirandom.SobolEngine(0), torch.quasirandom.SobolEngine(99999), soft.draw_base2(3)
soft.num_generated
utils = nn.utils
quick = utils.skip_init(nn.Linear, 2, 3)
repr(quick), quick.weight.shape, utils.skip_init(nn.Linear, 2, 3, device='meta').weight.device
utils.skip_init(len), utils.skip_init(3), utils.skip_init(nn.ReLU)
deep = nn.Sequential(nn.Conv2d(2, 2, 2), nn.ConvTranspose2d(2, 2, 2), nn.Conv3d(2, 2, 2))
utils.convert_conv2d_weight_memory_format(deep, torch.channels_last)[0].weight.stride()
deep[1].weight.stride(), deep[2].weight.stride()
utils.convert_conv3d_weight_memory_format(deep, torch.channels_last_3d)[2].weight.stride()
from torch.nn.utils import stateless
refuse(stateless.functional_call, nn.Linear(3, 1), {'weight': torch.ones(1, 3), 'bias':
 torch.zeros(1)}, rows)
utils.clip_grad_norm([nn.Parameter(rows)], 1.0), utils.clip_grad_norm_(nn.Parameter(rows), 1.0)
utils.clip_grad_value_(nn.Parameter(rows), 1.0)
from torch.nn.utils._named_member_accessor import NamedMemberAccessor
names = NamedMemberAccessor(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
names.get_submodule('0'), names.get_tensor('0.bias').shape
names.set_tensor('0.bias', torch.ones(2)), names.get_tensor('0.bias'), names.del_tensor('0.bias')
names.get_tensor('0.bias'), names.get_tensor('zz'), names.check_keys(['0.weight', 'zz'])
sorted(names.named_tensors(True), key=str)[:1] != []
[name for name, each in names.named_parameters()], [name for name, each in names.named_buffers()]
len([*names.named_modules()]), names.swap_tensor('0.weight', torch.zeros(2, 2)).shape
names.swap_tensors_dict({'0.weight': torch.ones(2, 2)})[0]['0.weight']
names.get_tensors(['0.weight', '1.bias']), names.set_tensors(['0.weight'], [torch.ones(2, 2)])
names.set_tensors(['0.weight'], []), names.set_tensors_dict({'1.bias': torch.ones(2)})
names.del_tensors(['1.bias']), names.get_tensor('0.zz'), names.get_tensor('1.eps')
names.set_tensor('0.weight', 3)
from torch.nn.utils._per_sample_grad import call_for_per_sample_grads
wide = nn.Linear(3, 2)
call_for_per_sample_grads(wide)(rows).sum().backward(), wide.weight.grad_sample
wide.bias.grad_sample
call_for_per_sample_grads(nn.Linear(3, 2), loss_reduction='mean',
 batch_size=4)(rows).requires_grad
call_for_per_sample_grads(3), call_for_per_sample_grads(wide)(rows)
call_for_per_sample_grads(wide, batch_size='a')
call_for_per_sample_grads(wide, loss_reduction='zz')
conv = nn.Sequential(nn.Conv1d(1, 2, 2, padding=1), nn.GroupNorm(1, 2), nn.Flatten(),
 nn.LayerNorm(8), nn.Linear(8, 2))
call_for_per_sample_grads(conv)(rows[:, None]).square().sum().backward()
[each.grad_sample for each in conv.parameters()]
tables = nn.Sequential(nn.Embedding(4, 2), nn.Flatten(), nn.Linear(6, 1))
call_for_per_sample_grads(tables)(torch.tensor([[0, 1, 3], [1, 1, 2]])).sum().backward()
[each.grad_sample for each in tables.parameters()]
"""

LISTS = {"optimizers": OPTIMIZERS, "functions": FUNCTIONS, "random": RANDOM}


def take_steps(name: str) -> list[str]:
    """Return what optimizers, functions of functions, or generators and layers give."""
    pool.set_seeds()
    names: dict[str, Any] = {"rows": pool.make_value("$x"), "importlib": importlib}
    names |= {each: importlib.import_module(each) for each in ("copy", "pickle")}
    return play_script(LISTS[name], names)


OF_STEPS = (Family(take_steps, lambda: [*LISTS], lambda _: None),)
