"""Programs with what Gymnasium demands of environments and spaces, and what it says otherwise."""

from __future__ import annotations

from typing import Any

from ..families import Family
from ..worlds import play_in_world

CHECKED = """
from gymnasium.utils import passive_env_checker as p, env_checker as e, env_match as m
from gymnasium.utils import step_api_compatibility as s
def fresh(kind, **parts):
    made = copy.deepcopy(kind)
    for name, value in parts.items():
        setattr(made, name, value)
    return made
odd = [box, fresh(box, low=np.zeros(3)), fresh(box, high=np.zeros(3)), fresh(box, high=box.low),
    fresh(box, low=box.high + 1), spaces.Box(-np.inf, np.inf, (2,)), spaces.Box(0, 255, (3, 3, 3),
    np.uint8), spaces.Box(0, 1, (3, 3, 3)), spaces.Box(0, 9, (3, 3, 3), np.uint8)]
odd += [fresh(spaces.Discrete(2), n=0), fresh(spaces.Discrete(2), _shape=(2,)),
    fresh(spaces.MultiDiscrete([2, 3]), _shape=(3,)), fresh(spaces.MultiDiscrete([2, 3]),
    nvec=np.array([0, 1])), fresh(spaces.MultiBinary(2), _shape=(0,)), fresh(spaces.Tuple([box]),
    spaces=()), fresh(both, spaces={}), both, 3, spaces.Tuple([box, box]), spaces.Graph(box,
    None), spaces.Text(2, charset='a')]
for kind in odd:
    out += [note(lambda: ask(lambda: p.check_space(kind, 'observation',
        p.check_observation_space))), note(lambda: ask(lambda: p.check_space(kind, 'action',
        p.check_action_space)))]
ok = np.zeros(2, np.float32)
for seen, kind in ((ok, box), (np.zeros(3), box), ([0, 0], box), (ok.astype(float), box),
    (1, spaces.Discrete(2)), (1.5, spaces.Discrete(2)), (np.int64(1), spaces.Discrete(2)), ((ok,),
    spaces.Tuple([box])), ([ok], spaces.Tuple([box])), ((ok, ok), spaces.Tuple([box])),
    ({'a': ok}, both), (3, both), ([1], spaces.MultiBinary(1)),
    (np.full(2, np.nan, np.float32), box), (np.full(2, 9, np.float32), box), ('x', box),
    ({'a': ok, 'b': np.zeros((2, 2, 1), np.uint8)}, both)):
    out.append(note(lambda: ask(lambda: p.check_obs(seen, kind, 'reset'))))
for given in ((ok, 1.0, False, False, {}), (ok, 1.0, False, {}), (ok, 1.0, 'x', {}),
    (ok, 1.0, False), [ok, 1.0, False, False, {}], (ok, 1.0, 0, False, {}), (ok, 1.0, False, 1,
    {}), (ok, 'x', False, False, {}), (ok, np.nan, False, False, {}), (ok, np.inf, False, False,
    {}), (ok, 1.0, False, False, 3), (3, 1.0, False, False, {}), (ok, 1, True, True, {})):
    out.append(note(lambda: ask(lambda: p.env_step_passive_checker(World(box, given=given),
        0))))
for started in ((ok, {}), ok, (ok, 3), (ok, {}, 1), [ok, {}], (9, {})):
    out += [note(lambda: ask(lambda: p.env_reset_passive_checker(World(box, started=started),
        seed=1))), ask(lambda: e.check_reset_return_type(World(box, started=started)))]
for mode, modes, fps, picture in (('human', ['human'], 9, None), ('human', ['human'], 9, 3),
    ('rgb_array', ['rgb_array'], 9, np.zeros((2, 2, 3), np.uint8)), ('rgb_array', ['rgb_array'],
    9, np.zeros((2, 2, 3))), ('rgb_array', ['rgb_array'], 9, np.zeros((2, 2), np.uint8)),
    ('rgb_array', ['rgb_array'], 9, np.zeros((2, 2, 4), np.uint8)), ('rgb_array', ['rgb_array'],
    9, 'x'),
    ('depth_array', ['depth_array'], 9, 3), ('depth_array', ['depth_array'], 9, np.zeros(3)),
    ('depth_array', ['depth_array'], 9, np.zeros((2, 2))), ('ansi', ['ansi'], 9, 3), ('ansi',
    ['ansi'], 9, 'x'), ('ansi_list', ['ansi_list'], 9, 'x'), ('ansi_list', ['ansi_list'], 9, ['x',
    3]), ('x', ['human'], 9, 3), (None, ['human'], 9, 3), ('human', None, 9, None), ('human', 3,
    9, None), ('human', [3], 9, None), ('human', ['human'], None, None), ('human', ['human'], 'x',
    None), ('human', ['human'], -1, None), (None, [], 9, None), ('human', [], 9, None)):
    env = World(box, render_mode=mode)
    env.metadata, env.render = {'render_modes': modes, 'render_fps': fps}, lambda: picture
    out.append(note(lambda: ask(lambda: p.env_render_passive_checker(env))))
class Fixed(World):
    def reset(self, seed=None, options=None):
        self.action_space.seed(seed)
        self.observation_space.seed(seed)
        return super().reset(seed=seed, options=options)
class Loose(World):
    def reset(self, **kwargs):
        return super().reset(**kwargs)
class Set(Fixed):
    def reset(self, seed=5, options=None):
        return super().reset(seed=seed)
class NoSeed(World):
    def reset(self, *, options=None):
        return super().reset()
class NoOptions(World):
    def reset(self, *, seed=None):
        return super().reset(seed=seed)
class Info(Fixed):
    def reset(self, *, seed=None, options=None, return_info=True):
        return super().reset(seed=seed)
    def seed(self, seed=None):
        return None
class Rough(Fixed):
    def step(self, action):
        seen, *rest, info = super().step(action)
        self.left = getattr(self, 'left', 0) + 1
        ended = self.left % 2 == 1 if self.ends else rest[1]
        told_ = {'n': self.left} if self.tells else info
        reward = rest[0] + self.left * self.by_reward
        return seen * (1 - self.left * self.by), reward, ended, rest[2], told_
    by = by_reward = ends = tells = 0
class Outside(Fixed):
    def look(self):
        return super().look() * 9
for kind in (World, Fixed, Loose, Set, NoSeed, NoOptions, Info, Rough, Outside):
    for called in (e.check_reset_options, e.check_reset_return_info_deprecation,
        e.check_seed_deprecation, e.check_reset_return_type, e.check_step_determinism,
        e.check_reset_seed_determinism):
        out.append([kind.__name__, called.__name__,
            note(lambda: ask(lambda: called(kind(copy.deepcopy(box)))))])
    out += [note(lambda: ask(lambda: e.check_env(kind(copy.deepcopy(box)), True, True))),
        note(lambda: ask(lambda: e.check_env(gym.wrappers.TimeLimit(kind(copy.deepcopy(box)),
        3))))]
for by, reward, ends, tells in ((1e-9, 0, 0, 0), (0.1, 0, 0, 0), (0, 1e-9, 0, 0), (0, 1, 0, 0),
    (0, 0, 1, 0), (0, 0, 0, 1)):
    env = Rough(copy.deepcopy(box))
    env.by, env.by_reward, env.ends, env.tells = by, reward, ends, tells
    out.append(note(lambda: tried(lambda: e.check_step_determinism(env))))
for name in ('action_space', 'observation_space'):
    env = Fixed(copy.deepcopy(box))
    delattr(env, name)
    out.append(note(lambda: ask(lambda: e.check_env(env))))
ask(lambda: e.check_env(3)), note(lambda: ask(lambda: e.check_env(gym.make('CartPole-v1'))))
note(lambda: ask(lambda: e.check_env(gym.make('CartPole-v1').unwrapped,
    skip_close_check=True)))
[e.data_equivalence(*each) for each in ((1, 1), (1, 1.0), (ok, ok), (ok, ok + 1),
    (ok, ok.astype(float)), ([1, ok], [1, ok]), ([1], [1, 2]), ({'a': 1}, {'a': 1}), ({'a': 1},
    {'b': 1}), ((1,), (2,)), (np.array(['a', ok], object), np.array(['a', ok], object)), (ok,
    ok + 1e-9, False), (ok, ok + 1e-9), (np.array([np.nan]), np.array([np.nan])), ('a', 'a'),
    (np.array([{'a': 1}]), np.array([{'a': 1}])))]
def twin(**parts):
    env = Fixed(copy.deepcopy(box), render_mode=parts.pop('render_mode', 'rgb_array'),
        **{key: parts.pop(key) for key in ('end', 'reward') if key in parts})
    for key, value in parts.items():
        setattr(env, key, value)
    return env
class Told(Fixed):
    extra = {}
    def reset(self, seed=None, options=None):
        seen, info = super().reset(seed=seed)
        return seen, {**info, **self.extra}
    def step(self, action):
        *given, info = super().step(action)
        return *given, {**info, **self.extra}
for options in ({}, {'skip_obs': True}, {'skip_rew': True}, {'skip_terminal': True},
    {'skip_truncated': True}, {'info_comparison': 'superset'},
    {'info_comparison': 'keys-equivalance'}, {'info_comparison': 'keys-superset'},
    {'info_comparison': 'skip'}, {'info_comparison': 'no'}, {'skip_render': False}):
    for second in ({}, {'reward': 2.0}, {'end': 2}, {'size': 3}):
        out.append(note(lambda: tried(lambda: m.check_environments_match(twin(), twin(**second),
            6, 3, **options))))
    first, second = Told(copy.deepcopy(box)), Told(copy.deepcopy(box))
    second.extra = {'more': 1}
    out += [tried(lambda: m.check_environments_match(first, second, 3, 3, **options)),
        tried(lambda: m.check_environments_match(second, first, 3, 3, **options))]
for given in ((ok, 1.0, True, {}), (ok, 1.0, True, {'TimeLimit.truncated': True}),
    (ok, 1.0, False, True, {}), (ok, 1.0, True, True, {}), (ok, 1.0, np.array([True, False]), [{},
    {'TimeLimit.truncated': True}]), (ok, 1.0, np.array([True, False]), np.array([False, True]),
    [{}, {}]), (ok, 1.0, np.array([True, False]), np.array([False, True]), {}), (ok, 1.0,
    np.array([True, False]), {'TimeLimit.truncated': np.array([True, False])}), (ok, 1.0)):
    many = isinstance(given[2] if len(given) > 2 else 0, np.ndarray)
    for wanted in (True, False):
        out.append(tried(lambda: s.step_api_compatibility(copy.deepcopy(given), wanted, many)))
from gymnasium.utils import performance as f
clock = iter(np.arange(0, 99, 0.5).tolist())
with mock.patch('time.time', lambda: next(clock)):
    out += [f.benchmark_step(Fixed(box), 2, 1), f.benchmark_init(lambda: Fixed(box), 3, 2),
        f.benchmark_render(Fixed(box, render_mode='rgb_array'), 2)]
"""

SPACES = """
from gymnasium.spaces import utils as u, flatten, unflatten, flatten_space, flatdim
for text in '''Box(0,1,(2,),np.uint8);Box(-1,1,(2,),np.uint8);Box(0,300,(2,),np.uint8);
    Box(-np.inf,1,(2,),np.uint8);Box(0,np.inf,(2,),np.uint8);Box(np.nan,1,(2,));
    Box(0,np.nan,(2,));Box('a',1,(2,));Box(0,'a',(2,));Box(0,1,3);Box(0,1,(2.5,));
    Box(0,1,(2,),None);
    Box(0,1,(2,),bool);Box(0,1,(2,),str);Box(np.zeros(2),np.ones(3));
    Box(np.zeros(2),np.ones(2),(3,));Box(np.zeros(2),1);Box(0,np.ones(2));Box(0,1);
    Box(np.zeros(2,complex),1);Box(0,np.ones(2,complex));Box(np.array([np.nan,0]),1);
    Box(0,np.array([1,np.nan]));Box(np.array([-np.inf,0]),1,dtype=np.uint8);
    Box(0,np.array([np.inf,3]),dtype=np.uint8);
    Box(np.array([-np.inf,0]),np.array([np.inf,3]),dtype=np.int16);
    Box(np.array([-300,0]),1,dtype=np.int8);Box(0,np.array([300,0]),dtype=np.int8);
    Box(-1e40,1,(2,));Box(0,1e40,(2,));Box(True,1,(2,));Box(2,1,(2,));Box(0.5,1.5,(2,),np.int32);
    Box(-np.inf,np.inf,(2,),np.int8);Box(np.array([True,False]),1);Box([0],1,(1,));
    Box(0,1,(2,),np.float16);Box(np.float64(0),np.int32(3),(2,));Discrete(0);Discrete(2.5);
    Discrete(3,start=1.5);Discrete(3,start=-2);Discrete(3,dtype=float);
    Discrete(3,dtype=np.int8);Discrete(3,dtype=None);MultiDiscrete([2,0]);
    MultiDiscrete([2,3],np.int32);MultiDiscrete([2,3],float);MultiDiscrete([2,3],None);
    MultiDiscrete([2,3],start=[1]);MultiDiscrete([2,3],start=[1,-1]);
    MultiDiscrete([[2,3],[4,5]]);MultiBinary(0);MultiBinary([2,3]);MultiBinary([2,0]);
    MultiBinary(np.array([2,2]));MultiBinary('a');Text(0);Text(2.5);Text(2,min_length=3);
    Text(2,min_length=-1);Text(2,min_length=1.5);
    Graph(3,None);Graph(Discrete(2),3);Graph(Box(0,1,(2,)),Discrete(2));Sequence(3);
    Sequence(Discrete(2),stack=True);Sequence(Box(0,1,(2,)),stack=True);Tuple([3]);Tuple(());
    Tuple([Discrete(2)],seed=(1,));OneOf([3]);OneOf(());OneOf([Discrete(2),Box(0,1,(1,))]);
    Dict(3);Dict(a=3);Dict({'a':Discrete(2)},a=Discrete(2));
    Dict([('b',Discrete(2)),('a',Discrete(3))]);Dict({3:Discrete(2),'a':Discrete(2)});
    Dict(seed=3,a=Discrete(2));
    Dict({'b':Discrete(2),'a':Discrete(2)},seed={'a':1,'b':2})'''.replace(chr(10), '').split(';'):
    kind = ask(lambda: eval(text.strip(), {'np': np, **vars(spaces)}))
    out += [text.strip(), str(kind)]
    if not isinstance(kind, str):
        out += [tried(lambda: str(flatten_space(kind))), tried(flatdim, kind),
            kind.is_np_flattenable, tried(lambda: kind.seed(3)), tried(kind.sample),
            tried(kind.sample), tried(lambda: flatten(kind, kind.sample())),
            kind == copy.deepcopy(kind), kind == spaces.Discrete(2), kind.shape, str(kind.dtype)]
        out += [tried(lambda: kind.contains(kind.sample())),
            tried(lambda: [kind.contains(each) for each in (0, 1.5, 'a', None, [0, 1], (0,),
            {'a': 0}, np.zeros(2, int), np.zeros((2, 2)), np.array(1), np.int8(1))]),
            tried(lambda: kind.from_jsonable(kind.to_jsonable([kind.sample(), kind.sample()]))),
            tried(lambda: unflatten(kind, flatten(kind, kind.sample())))]
        out += [tried(lambda: kind.is_bounded()), tried(lambda: kind.is_bounded('below')),
            tried(lambda: kind.is_bounded('no')), tried(lambda: len(kind)),
            tried(lambda: [*kind.keys()]), tried(lambda: kind[0]),
            tried(lambda: u.is_space_dtype_shape_equiv(kind, kind))]
        out += [tried(lambda: kind.seed((1, 2))), tried(lambda: kind.seed([1, 2, 3])),
            tried(lambda: kind.seed({'a': 4})), tried(lambda: kind.seed('x')),
            tried(lambda: pickle.loads(pickle.dumps(kind)) == kind),
            tried(lambda: kind.__setstate__({'shape': (2,), 'np_random': None, 'dtype': None}))]
ones, halves = np.array([1, 0], np.int8), np.array([0.25, 0.75])
pairs = [(spaces.Discrete(2), ones), (spaces.Discrete(2), halves),
    (spaces.Discrete(2, start=4), ones), (spaces.MultiBinary(2), np.array([0, 2], np.int8)),
    (spaces.MultiBinary(2), halves), (spaces.MultiDiscrete([2, 2]), (ones, ones)),
    (spaces.MultiDiscrete([2, 2]), (halves, halves)), (spaces.MultiDiscrete([2, 2], start=[3, 4]),
    (ones * 0, ones)), (spaces.Tuple([spaces.Discrete(2), box]), (ones, None)),
    (spaces.Tuple([spaces.Discrete(2), box]), (halves, None)),
    (spaces.Dict(a=spaces.Discrete(2), b=box), {'a': ones, 'b': None}),
    (spaces.OneOf([spaces.Discrete(2), spaces.Discrete(2)]), (ones, ones)),
    *[(spaces.Text(4, charset='a', **more), mask) for more, mask in (({'min_length': 1},
    (3, ones[:1])), ({}, (None, ones[:1] * 0)), ({'min_length': 0}, (None, ones[:1] * 0)),
    ({}, (9, ones[:1])), ({}, (2.5, ones[:1])), ({}, (2, halves[:1] * 4)), ({}, (2, [1])))],
    (spaces.Sequence(spaces.Discrete(2)), (3, ones)), (spaces.Sequence(spaces.Discrete(2)),
    (np.array([1, 2]), halves)), (spaces.Sequence(spaces.Discrete(2)), (None, None)),
    (spaces.Sequence(spaces.Discrete(2)), (-1, ones)), (spaces.Sequence(spaces.Discrete(2)),
    (np.array([[1]]), ones)), (spaces.Sequence(spaces.Discrete(2)), (np.array([-1]), ones)),
    (spaces.Graph(spaces.Discrete(2), spaces.Discrete(2)), ((ones,) * 3, (ones,) * 4)),
    (spaces.Graph(spaces.Discrete(2), None), ((ones,) * 3, None)), (box, ones), (spaces.Graph(box,
    None), None)]
for kind, given in pairs:
    for name in ('mask', 'probability'):
        kind.seed(3)
        drawn = lambda: [str(kind.sample(**{name: given})) for _ in range(3)]
        out.append(note(lambda: ask(drawn)))
    for wrong in (3, (), (ones,), {'a': ones}, (ones, ones, ones), ones * 3, ones[:1],
        ones.astype(float), 'x'):
        kind.seed(3)
        out += [ask(lambda: str(kind.sample(mask=wrong))),
            ask(lambda: str(kind.sample(probability=wrong)))]
    out.append(tried(lambda: kind.sample(mask=given, probability=given)))
deep = spaces.Dict(a=spaces.Sequence(box),
    b=spaces.Tuple([spaces.Graph(box, None), spaces.Discrete(3)]), c=spaces.Text(2, charset='a'))
deep.seed(4), str(flatten_space(deep)), flatten(deep, deep.sample())
str(unflatten(deep, flatten(deep, deep.sample()))), unflatten(deep, 3)
unflatten(spaces.Tuple([deep]), 3), unflatten(spaces.Tuple([box]), (ok_ := np.zeros(2),))
unflatten(both, {'a': 1}), unflatten(spaces.Discrete(3), np.zeros(3))
unflatten(spaces.MultiDiscrete([2, 2]), np.zeros(4))
unflatten(spaces.MultiDiscrete([2, 2]), np.array([0, 1, 1, 0]))
class Odd(spaces.Space):
    pass
odd = Odd((2,), np.float32, 3)
ask(odd.sample), ask(lambda: odd.contains(3)), ask(lambda: odd.is_np_flattenable)
flatdim(odd), flatten(odd, 1), unflatten(odd, 1), flatten_space(odd), odd.seed(), odd.seed('x')
odd.to_jsonable([1, 2]), odd.from_jsonable([1]), 3 in spaces.Discrete(9)
odd.__setstate__({'shape': (3,)}), odd.shape, odd.np_random is odd.np_random
both['c'] = spaces.Discrete(2)
both['d'] = 3
[*both.items()][-1], both.get('c'), 'z' in both.spaces, len(both), [*both], repr(both)
w = gym.wrappers
for text in '''FilterObservation(e(both),['a']);FilterObservation(e(both),[]);
    FilterObservation(e(both),['z']);FilterObservation(e(both),3);FilterObservation(e(tup),[0]);
    FilterObservation(e(tup),[0,0]);FilterObservation(e(tup),[]);FilterObservation(e(tup),[5]);
    FilterObservation(e(box),['a']);FlattenObservation(e(both));
    DtypeObservation(e(box),np.float16);DtypeObservation(e(spaces.Discrete(3)),np.int8);
    DtypeObservation(e(spaces.MultiDiscrete([2,3])),np.int16);
    DtypeObservation(e(spaces.MultiBinary(2)),np.int16);DtypeObservation(e(both),np.int8);
    RescaleObservation(e(box),0,1);RescaleObservation(e(both),0,1);
    RescaleObservation(e(spaces.Box(-np.inf,1,(2,))),0,1);ReshapeObservation(e(box),(1,2));
    ReshapeObservation(e(box),(3,));ReshapeObservation(e(both),(2,));
    GrayscaleObservation(e(pic));GrayscaleObservation(e(pic),True);GrayscaleObservation(e(box));
    MaxAndSkipObservation(e(box),2);MaxAndSkipObservation(e(box),1);
    MaxAndSkipObservation(e(both),2);DelayObservation(e(box),2);DelayObservation(e(both),2);
    DelayObservation(e(box),-1);FrameStackObservation(e(box),2);
    FrameStackObservation(e(box),3,padding_type='zero');
    FrameStackObservation(e(both),2,padding_type='no');FrameStackObservation(e(box),0);
    FrameStackObservation(e(box),2,padding_type=np.ones(2,np.float32));
    TimeAwareObservation(e(box));TimeAwareObservation(e(both),normalize_time=True);
    TimeAwareObservation(e(box),False);NormalizeObservation(e(box));
    DiscretizeObservation(e(box),3);DiscretizeObservation(e(box),(2,4));
    DiscretizeObservation(e(box),(2,4,5));DiscretizeObservation(e(box),3,True);
    DiscretizeObservation(e(both),3);DiscretizeObservation(e(spaces.Box(-np.inf,1,(2,))),3);
    AddRenderObservation(e(box));AddRenderObservation(e(box),False);
    AddRenderObservation(e(both),False,render_key='c');ResizeObservation(e(pic),(4,5));
    ResizeObservation(e(box),(4,5));StickyAction(e(box),0.5);StickyAction(e(box),0.5,2);
    StickyAction(e(box),0.5,(1,3));StickyAction(e(box),1.5);StickyAction(e(box),0.5,(3,1));
    StickyAction(e(box),0.5,'x');RepeatAction(e(box),3);RepeatAction(e(box),1);
    ClipReward(e(box),-0.5,0.5);ClipReward(e(box),2,1);ClipReward(e(box));
    NormalizeReward(e(box));TransformReward(e(box),lambda&r:r*2);TimeLimit(e(box),2);
    TimeLimit(e(box),0);Autoreset(e(box));OrderEnforcing(e(box));PassiveEnvChecker(e(box));
    PassiveEnvChecker(3);RecordEpisodeStatistics(e(box),2);ClipAction(e(box));
    RescaleAction(e(box),0,1);ClipAction(e(box,box));RescaleAction(e(box,box),0.0,1.0);
    DiscretizeAction(e(box,box),3);DiscretizeAction(e(box,box),(2,3),True);
    DiscretizeAction(e(box),3);JaxToNumpy(e(box));NumpyToTorch(e(box));
    AtariPreprocessing(e(box));FilterObservation(e(both),('a','a'));
    TransformObservation(e(box),abs,None);
    TransformAction(e(box),abs,None)'''.replace(chr(10), '').split(';'):
    made = {'e': lambda kind,
        acts=None: World(copy.deepcopy(kind), copy.deepcopy(acts), render_mode='rgb_array'),
        'both': spaces.Dict(a=box, b=spaces.Box(0, 255, (2, 2, 1), np.uint8)),
        'tup': spaces.Tuple([box, spaces.Discrete(2)]), 'pic': spaces.Box(0, 255, (3, 3, 3),
        np.uint8), 'box': box, 'np': np, 'spaces': spaces}
    env = ask(lambda: eval(text.strip().replace('&', ' '), {**vars(w), **made}))
    out += [text.strip(), str(env)]
    if not isinstance(env, str):
        acts = 0 if isinstance(env.action_space, spaces.Discrete) else np.array([1.5, -0.25],
            env.action_space.dtype)
        if 'RecordEpisode' in text:
            out += [tried(lambda: env.reset(seed=3)),
                tried(lambda: [env.step(acts)[:4] for _ in range(4)])]
            continue
        out += [str(env.observation_space), str(env.action_space), tried(lambda: env.step(acts)),
            tried(lambda: env.reset(seed=3)), tried(lambda: [env.step(acts) for _ in range(4)]),
            tried(lambda: [env.reset(seed=5), env.step(acts), env.step(acts)])]
        out += [tried(lambda: env.revert_observation(env.reset(seed=3)[0])),
            tried(lambda: env.has_wrapper_attr('count')),
            tried(lambda: env.get_wrapper_attr('no')), tried(lambda: env.set_wrapper_attr('count',
            3)), tried(lambda: env.set_wrapper_attr('no', 3, force=False)),
            tried(lambda: env.unwrapped.count), tried(lambda: env.render().shape),
            tried(lambda: env.np_random_seed), tried(lambda: env.close())]
"""

LISTS = {"checked": CHECKED, "spaces": SPACES}


def use_rules(name: str) -> list[Any]:
    """Return what the steps of a list with environments and spaces give."""
    return play_in_world(LISTS[name], "copy pickle")


OF_RULES = (Family(use_rules, lambda: [*LISTS], lambda _: None),)
