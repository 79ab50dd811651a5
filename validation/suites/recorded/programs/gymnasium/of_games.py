"""Programs with Gymnasium's environments that are drawn, filmed, listed, compared and shared."""

from __future__ import annotations

import multiprocessing
import queue
import threading
from typing import Any

from ..families import Family
from ..telling import tell_bytes
from ..worlds import play_in_world

DRAWN = """
import types
class Board(int):
    def __new__(cls, name='', value=8):
        made = super().__new__(cls, value)
        made.name = name
        return made
    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)
        return Board(self.name + '.' + name)
    def __call__(self, *given, **options):
        seen.append([self.name, [see(each) for each in given],
            [[key, see(each)] for key, each in options.items()]])
        return np.zeros((4, 3, 3),
            np.uint8) if self.name.endswith('pixels3d') else Board(self.name)
    def __iter__(self):
        return iter((8, 9))
    def __getitem__(self, key):
        return 5
def see(value):
    if isinstance(value, str):
        return value.rpartition('/')[2]
    if isinstance(value, (list, tuple)):
        return [see(each) for each in value]
    if isinstance(value, Board) or not isinstance(value, float | np.ndarray | np.generic):
        return getattr(value, 'name', str(value))
    return [f'{each:.3f}' for each in np.ravel(value)]
class Vector2(list):
    def __init__(self, *given):
        super().__init__(given[0] if len(given) == 1 else given)
    def rotate_rad(self, angle):
        return Vector2(self[0] * np.cos(angle) - self[1] * np.sin(angle),
            self[0] * np.sin(angle) + self[1] * np.cos(angle))
seen = []
fake = types.ModuleType('pygame')
fake.__getattr__ = lambda name: Board(name) if not name.startswith('__') else None
fake.math, fake.gfxdraw = types.SimpleNamespace(Vector2=Vector2), Board('gfxdraw')
with mock.patch.dict('sys.modules', {'pygame': fake, 'pygame.gfxdraw': Board('gfxdraw')}):
    for name, options in (('CartPole-v1', {}), ('MountainCar-v0', {}),
        ('MountainCarContinuous-v0', {}), ('Pendulum-v1', {}), ('Acrobot-v1', {}), ('Taxi-v3',
        {}), ('FrozenLake-v1', {}), ('CliffWalking-v1', {}), ('Blackjack-v1', {}),
        ('FrozenLake-v1', {'map_name': '8x8'}),
        ('Blackjack-v1', {'natural': True}), ('Blackjack-v1', {'sab': True}), ('Taxi-v3',
        {'is_rainy': True, 'fickle_passenger': True})):
        for mode in ('human', 'rgb_array', 'ansi', None, 'no'):
            env = tried(lambda: gym.make(name, render_mode=mode, disable_env_checker=True,
                **options).unwrapped)
            out += [name, mode, tried(lambda: env.reset(seed=3))]
            out.append(note(lambda: tried(lambda: env.render())))
            for act in (0, 1):
                pushed = 'Continuous' in name or 'Pendulum' in name
                act = np.array([0.7 * act - 0.2]) if pushed else act
                out += [tried(lambda: env.step(act)), tried(lambda: env.render())]
            out += [tried(lambda: env.close()), len(seen), tell_bytes(repr(seen).encode())]
            seen.clear()
    class Shown(World):
        pass
    for mode in ('rgb_array', 'rgb_array_list', 'human', None):
        env = tried(lambda: gym.wrappers.HumanRendering(World(box, render_mode=mode)))
        out += [tried(lambda: env.reset()), tried(lambda: env.step(0)),
            tried(lambda: env.render()), tried(lambda: env.render_mode),
            tried(lambda: env.close()), len(seen), tell_bytes(repr(seen).encode())]
        seen.clear()
    env = gym.wrappers.HumanRendering(gym.wrappers.RenderCollection(World(box,
        render_mode='rgb_array')))
    out += [tried(env.reset), tried(lambda: env.step(0)), env.close(), len(seen),
        tell_bytes(repr(seen).encode())]
for name in ('CartPole-v1', 'Taxi-v3', 'FrozenLake-v1', 'Blackjack-v1', 'CliffWalking-v1',
    'Pendulum-v1'):
    env = gym.make(name, render_mode='rgb_array')
    env.reset(seed=1)
    out.append(tried(env.render))
for wrapper, given in (('AddWhiteNoise', (0.3,)), ('AddWhiteNoise', (0.3, True)),
    ('AddWhiteNoise', (1.2,)), ('ObstructView', (0.3, 2)), ('ObstructView', (0.3, 3, True)),
    ('ObstructView', (1.0, 2)), ('ObstructView', (0.3, 0)), ('RenderCollection', (False,)),
    ('RenderCollection', (True, False)), ('RenderCollection', ())):
    env = tried(lambda: getattr(gym.wrappers,
        wrapper)(World(box, render_mode='rgb_array', size=5), *given))
    out += [tried(lambda: env.reset(seed=4)), tried(lambda: env.render()),
        tried(lambda: [env.step(0), env.render(), env.render()]), tried(lambda: env.render_mode),
        tried(lambda: repr(env))]
"""

FILMED = """
import types
class Film:
    def __init__(self, frames, fps):
        films.append([len(frames), int(frames[0].sum()), int(frames[-1].sum()), frames[0].shape,
            fps])
    def write_videofile(self, path, logger=None):
        films.append([path.rpartition('/')[2], logger])
films = []
clips = types.ModuleType('moviepy.video.io.ImageSequenceClip')
clips.ImageSequenceClip = Film
names = ['moviepy', 'moviepy.video', 'moviepy.video.io', 'moviepy.video.io.ImageSequenceClip']
def make(wrapped=lambda env: env, mode='rgb_array', count=1, **options):
    return gym.wrappers.RecordVideo(wrapped(World(box, render_mode=mode)), 'films', **options)
def play(env, count=9):
    for step in range(count):
        if env.step(0)[2]:
            env.reset()
with mock.patch.dict('sys.modules', dict.fromkeys(names, clips)), mock.patch('gc.collect'):
    for options in ({}, {'episode_trigger': lambda n: n % 2 == 1},
        {'step_trigger': lambda n: n in (1, 5)}, {'video_length': 2,
        'step_trigger': lambda n: n == 0}, {'fps': 4, 'name_prefix': 'x',
        'disable_logger': False}, {'mode': None}, {'mode': 'ansi'},
        {'wrapped': gym.wrappers.RenderCollection}, {'wrapped': gym.wrappers.RenderCollection,
        'step_trigger': lambda n: n == 1}, {'gc_trigger': lambda n: True},
        {'episode_trigger': lambda n: False}):
        env = tried(lambda: make(**options))
        out += [tried(lambda: env.reset(seed=2)), tried(lambda: play(env)),
            tried(lambda: np.shape(env.render())), tried(lambda: [env.recording, env.step_id,
            env.episode_id, env._video_name, len(env.recorded_frames)]),
            tried(lambda: env.close()), [*films]]
        films.clear()
    env = make(episode_trigger=lambda n: False)
    out += [tried(env.stop_recording), tried(env._capture_frame), env.start_recording('a'),
        env._video_name, env.start_recording('b'), note(env.stop_recording), [*films],
        env.close()]
    from gymnasium.utils import save_video as s
    out.append([n for n in range(3000) if s.capped_cubic_video_schedule(n)])
    frames = [np.full((2, 2, 3), n, np.uint8) for n in range(6)]
    for options in ({'episode_index': 8}, {'episode_index': 3},
        {'episode_trigger': lambda n: n == 3, 'episode_index': 3},
        {'step_trigger': lambda n: n in (2, 4), 'step_starting_index': 1},
        {'step_trigger': lambda n: n == 2, 'video_length': 2}, {'name_prefix': 'x', 'fps': 3},
        {'episode_trigger': 3}, {'save_logger': 'bar'}):
        out += [note(lambda: tried(lambda: s.save_video(frames, 'saved',
            **{'fps': 9, **options}))), [*films]]
        films.clear()
    out.append(tried(s.save_video, 3, 'saved'))
    vectors = gym.wrappers.vector
    def many(mode='rgb_array'):
        return gym.vector.SyncVectorEnv([lambda: World(copy.deepcopy(box), render_mode=mode)] * 3)
    for options in ({}, {'episode_trigger': lambda n: n == 1}, {'step_trigger': lambda n: n == 2},
        {'video_length': 2}, {'video_aspect_ratio': (2, 1)}, {'fps': 3, 'name_prefix': 'v',
        'video_length': 3}, {'mode': None}, {'record_first_only': True}):
        env = tried(lambda: vectors.RecordVideo(many(options.pop('mode', 'rgb_array')), 'many',
            **options))
        out += [tried(lambda: env.reset(seed=2)),
            tried(lambda: [env.step(np.zeros(3, int))[2] for _ in range(7)]),
            tried(lambda: env.close()), [*films]]
        films.clear()
tried(make), tried(s.save_video, frames, 'saved', fps=3), s.save_video.__name__
"""

LISTED = """
from gymnasium.envs import registration as r
before = dict(r.registry)
class Own(World):
    def __init__(self, render_mode=None, more=1, **options):
        super().__init__(copy.deepcopy(box), render_mode=render_mode, end=options.pop('end', 3))
        self.more = more
class Old(World):
    metadata = {}
class Silent(gym.Env):
    metadata = {'render_modes': ['rgb_array', 'x_list']}
    observation_space = action_space = spaces.Discrete(2)
    def reset(self, seed=None, options=None):
        return 0, {}
class Many(gym.vector.VectorEnv):
    def __init__(self, num_envs=2, **options):
        self.num_envs, self.options = num_envs, options
r.registry.clear()
for given in (('Own-v0', Own), ('Own-v2', Own), ('own/Own-v1', Own), ('Plain', Own),
    ('Plain-v1', Own), ('Own', Own), ('a/b/c-v0', Own), ('Odd v1', Own), ('None-v0',), ('Only-v0',
    None), ('Many-v0', Own, 2.0, True, 7, True, False, (), None), ('Text-v0', 'json:no_such'),
    ('Text-v1', 'no_module:Own'), ('Silent-v0', Silent)):
    out.append(note(lambda: ask(lambda: r.register(*given))))
r.register('Vec-v0', Own, vector_entry_point=Many)
r.register('OnlyVec-v0', vector_entry_point=Many)
r.register('Own-v3', Own, kwargs={'more': 5}, max_episode_steps=2, order_enforce=False,
    disable_env_checker=True,
    additional_wrappers=(gym.wrappers.TimeAwareObservation.wrapper_spec(),))
note(lambda: r.register('Own-v0', Own)), sorted(r.registry)
note(lambda: ask(lambda: r.register(3, Own)))
with r.namespace('ns'):
    out += [r.register('In-v0', Own), note(lambda: r.register('other/In-v1', Own)),
        ask(lambda: r.spec('In-v0'))]
for name in ('Own-v0', 'Own', 'Own-v1', 'Own-v9', 'own-v0', 'Ownn-v0', 'Nothing', 'ns/In-v0',
    'ns/In', 'nz/In-v0', 'ns/Im-v0', 'Plain', 'Plain-v3', 'json:Own-v0', 'no_module:Own-v0',
    'Odd v1', 3, '', 'OnlyVec-v0', 'Text-v0', 'Text-v1', 'Only-v0', 'Silent-v0'):
    out += [name, note(lambda: ask(lambda: r.spec(name).id)),
        note(lambda: ask(lambda: repr(r.make(name)))),
        ask(lambda: r.find_highest_version('ns' if 'ns' in str(name) else None,
        str(name).split('/')[-1].split('-')[0])), ask(lambda: r.parse_env_id(name))]
for options in ({'max_episode_steps': 4}, {'max_episode_steps': -1},
    {'disable_env_checker': True}, {'render_mode': 'human'}, {'render_mode': 'rgb_array_list'},
    {'render_mode': 'no'}, {'more': 9}, {'nothing': 1, 'end': 2}, {'end': 1,
    'render_mode': 'rgb_array'}):
    for name in ('Own-v0', 'Own-v3', 'Silent-v0', 'Many-v0'):
        env = note(lambda: ask(lambda: r.make(name, **options)))
        out += [str(env[0]) if not isinstance(env[0], str) else env[0], env[1],
            ask(lambda: env[0].spec.to_json().replace(' ', '')) if not isinstance(env[0],
            str) else 0]
        if not isinstance(env[0], str):
            out += [ask(lambda: env[0].spec.pprint(disable_print=True)),
                env[0].unwrapped.__dict__.get('more'),
                ask(lambda: str(r.make(env[0].spec)) == str(env[0])),
                ask(lambda: r.EnvSpec.from_json(env[0].spec.to_json()) == env[0].spec)]
spec = r.spec('Own-v3')
spec.pprint(disable_print=True), spec.pprint(disable_print=True, include_entry_points=True)
spec.pprint(disable_print=True, print_all=True), repr(spec.make())
spec.make(more=7).unwrapped.more, spec.name, spec.version, spec.namespace
ask(lambda: r.make_vec(spec, 2).num_envs)
bad = r.EnvSpec.from_json
ask(lambda: bad('{"id": "A-v0", "additional_wrappers": [{"no": 1}]}'))
ask(lambda: bad('{"no": 1, "additional_wrappers": []}')), ask(lambda: spec.to_json())
ask(lambda: r.spec('Text-v0').to_json()), ask(lambda: bad(r.spec('Text-v0').to_json()).id)
r.pprint_registry(disable_print=True), r.pprint_registry(disable_print=True, num_cols=1)
r.pprint_registry(disable_print=True, exclude_namespaces=['ns']), r.get_env_id('a', 'b', 3)
r.get_env_id(None, 'b', None), r.load_env_creator('json:loads') is json.loads
ask(lambda: r.load_env_creator('json')), r.current_namespace
wrapped = gym.wrappers.TransformReward(spec.make(), abs)
wrapped.spec, ask(lambda: r.make(wrapped.spec)), ask(lambda: wrapped.spec.to_json())
ask(lambda: gym.wrappers.TimeLimit(r.make('Own-v0'), 3).spec.pprint(True, True))
ask(lambda: r.make(gym.wrappers.TimeLimit(r.make('Own-v0'), 3).spec))
changed = copy.deepcopy(gym.wrappers.TimeLimit(r.make('Own-v0'), 3).spec)
changed.additional_wrappers = None
note(lambda: ask(lambda: repr(r.make(changed))))
for mode in (None, 'sync', 'vector_entry_point', 'no', r.VectorizeMode.SYNC):
    for name in ('Own-v0', 'Vec-v0', 'OnlyVec-v0', 'Only-v0', 'Own-v3', 3):
        for more in ({}, {'wrappers': [lambda env: gym.wrappers.TimeLimit(env, 2)]},
            {'vector_kwargs': {'copy': False}}, {'more': 4}):
            env = note(lambda: ask(lambda: r.make_vec(name, 3, mode, **copy.copy(more))))
            out += [type(env[0]).__name__,
                env[0] if isinstance(env[0], str) else [env[0].num_envs, getattr(env[0],
                'options', None), str(env[0].spec)[:150]], env[1]]
r.registry.clear()
r.registry.update(before)
"""

SHARED = """
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, AutoresetMode, utils as vu
from gymnasium.vector.utils import space_utils
class Named(World):
    name = 'one'
    def call(self, value=1, *, more=2):
        return [value, more, self.count]
    def break_now(self):
        raise KeyError('broken')
def make(count=2, seen=box, **options):
    with mock.patch('multiprocessing.get_context', threads):
        kinds = seen if isinstance(seen, list) else [seen] * count
        return AsyncVectorEnv([lambda kind=kind: Named(copy.deepcopy(kind)) for kind in kinds],
            **options)
for seen in (box, both, spaces.Discrete(3), spaces.MultiBinary(2), spaces.MultiDiscrete([2, 3]),
    spaces.Tuple([box, spaces.Discrete(2)]), spaces.Text(3, charset='a'), spaces.Graph(box, None),
    spaces.Sequence(box), [box, spaces.Box(-2, 2, (2,))], [box, spaces.Box(-2, 2, (3,))]):
    for options in ({}, {'shared_memory': False}, {'copy': False},
        {'autoreset_mode': AutoresetMode.SAME_STEP}, {'autoreset_mode': 'Disabled',
        'shared_memory': False}, {'observation_mode': 'different'}, {'observation_mode': 'no'}):
        if options in ({}, {'shared_memory': False},
            {'observation_mode': 'different'}) or seen is box:
            envs = tried(lambda: make(2, seen, **options))
            out += [tried(lambda: envs.reset(seed=3)),
                tried(lambda: [envs.step(np.array([0, 1])) for _ in range(4)]),
                tried(lambda: str(envs.observation_space)), tried(lambda: envs.close())]
envs = make(3)
envs.reset(seed=[1, None, 2]), envs.call('call', 3, more=4), envs.call('name')
envs.get_attr('count'), envs.set_attr('name', 'x'), envs.set_attr('name', ['a', 'b', 'c'])
envs.get_attr('name'), envs.set_attr('name', ['a']), envs.render()
envs.reset(seed=[1, 2]), envs.step_wait(), envs.reset_wait(), envs.call_wait()
envs.step_async(np.zeros(3, int)), envs.reset_async(), envs.step_async(np.zeros(3, int))
envs.call_async('name'), envs.set_attr('name', 1), envs.step_wait(timeout=9), envs.call('step')
envs.reset()
envs = make(2)
envs.reset(options={'reset_mask': np.array([True, False])})
envs.reset(options={'reset_mask': np.array([False, False])})
envs.reset(options={'reset_mask': [True, False]})
envs.reset(options={'reset_mask': np.array([1, 0])})
envs.reset(options={'reset_mask': np.array([True])}), envs.reset(options={'a': 1})
envs.call_async('name'), envs.call_wait(9)
note(lambda: [envs.call_async('name'), envs.close()][1:]), envs.reset()
envs.step(np.zeros(2, int)), envs.closed, envs.close()
class Failing(Named):
    def step(self, action):
        raise ValueError('it broke')
with mock.patch('multiprocessing.get_context', threads):
    envs = AsyncVectorEnv([lambda: Named(box), lambda: Failing(copy.deepcopy(box))])
    out += [envs.reset(seed=1)[1], ask(lambda: envs.step(np.zeros(2, int))), envs._state.value,
        envs.parent_pipes[1], ask(lambda: envs.close(terminate=True))]
    out += [ask(lambda: AsyncVectorEnv([lambda: World(box),
        lambda: World(box, spaces.Discrete(5))])),
        ask(lambda: AsyncVectorEnv([lambda: World(box), lambda: World(spaces.Box(0, 1, (2,)))]))]
    out += [tried(lambda: AsyncVectorEnv([lambda: Named(copy.deepcopy(box))] * 2,
        observation_mode=(vu.batch_space(box, 2), box)).reset(seed=2))]
for mode in ('NextStep', 'SameStep', 'Disabled', 'no', AutoresetMode.NEXT_STEP):
    for seen in ('same', 'different', 'no', (vu.batch_space(box, 2), box), (box,)):
        envs = tried(lambda: SyncVectorEnv([lambda: Named(copy.deepcopy(box))] * 2,
            autoreset_mode=mode, observation_mode=seen))
        out += [tried(lambda: envs.reset(seed=3)),
            tried(lambda: [envs.step([0, 1]) for _ in range(5)]),
            tried(lambda: envs.reset(options={'reset_mask': np.array([True, False])})),
            tried(lambda: envs.step([1, 1])), tried(lambda: str(envs))]
envs = SyncVectorEnv([lambda: Named(copy.deepcopy(box), render_mode='rgb_array')] * 2)
envs.reset(seed=1), envs.reset(options={'reset_mask': [True, False]})
envs.reset(options={'reset_mask': np.array([False, False])})
envs.reset(options={'reset_mask': np.array([1, 0])})
envs.reset(options={'reset_mask': np.array([True])}), envs.render(), envs.call('call', 4)
envs.call('name'), envs.set_attr('name', 'x'), envs.set_attr('name', ['a']), envs.get_attr('name')
ask(lambda: SyncVectorEnv([lambda: World(box), lambda: World(spaces.Box(0, 1, (2,)))]))
ask(lambda: SyncVectorEnv([lambda: World(box), lambda: World(box, spaces.Discrete(5))]))
ask(lambda: SyncVectorEnv([lambda: World(box), lambda: World(spaces.Box(0, 1, (3,)))],
    observation_mode='different'))
base = gym.vector.VectorEnv()
ask(base.step.__func__.__get__(base)), ask(lambda: base.reset()), ask(lambda: base.step(1))
ask(lambda: base.render()), base.close(), base.closed, str(envs)
ask(lambda: gym.vector.VectorWrapper(3))
outer = gym.vector.VectorWrapper(envs)
outer.render(), outer.num_envs, outer.metadata == envs.metadata, outer.unwrapped is envs
outer.spec, outer.closed, str(outer), repr(outer), outer.single_action_space
outer.np_random is envs.np_random, outer.reset(seed=2), outer.step([0, 1]), outer.close()
outer.closed
for name in ('VectorObservationWrapper', 'VectorActionWrapper', 'VectorRewardWrapper'):
    made = getattr(gym.vector, name)(envs)
    out += [tried(lambda: made.reset()), tried(lambda: made.step([0, 1]))]
for space in (box, both, spaces.Discrete(3), spaces.Text(3, charset='a'), spaces.Graph(box, None),
    spaces.Sequence(box), spaces.OneOf([box, box]), spaces.Tuple([box, spaces.Text(2,
    charset='b')]),
    spaces.Discrete(3, start=1), spaces.MultiDiscrete([2, 3], start=[1, 1]),
    spaces.MultiBinary([2, 2]), 3):
    kind = tried(vu.batch_space, space, 2)
    out += [str(kind), str(tried(vu.batch_differing_spaces, [space, space])),
        tried(lambda: vu.create_empty_array(space, 2)), tried(lambda: vu.create_empty_array(space,
        2, np.ones)), tried(lambda: vu.space_utils.is_space_dtype_shape_equiv(space, space)),
        tried(lambda: vu.space_utils.is_space_dtype_shape_equiv(space, box))]
    out += [tried(lambda: [kind.seed(3), [*vu.iterate(kind, kind.sample())]][1]),
        tried(lambda: space.seed(5) and vu.concatenate(space, [space.sample(), space.sample()],
        vu.create_empty_array(space, 2)))]
vu.batch_differing_spaces([box, spaces.Box(-1, 1, (3,))])
vu.batch_differing_spaces([box, spaces.Box(-1, 1, (2,), np.float64)])
vu.batch_differing_spaces([]), vu.batch_differing_spaces([box, spaces.Discrete(2)])
vu.batch_differing_spaces([spaces.MultiDiscrete([2, 3]), spaces.MultiDiscrete([2])])
vu.batch_differing_spaces([3, 3])
[*vu.iterate(box, np.ones(2))], [*vu.iterate(spaces.Discrete(3), 1)]
vu.CloudpickleWrapper(lambda: 4)(), copy.deepcopy(vu.CloudpickleWrapper(dict))()
vu.create_shared_memory(3), vu.create_shared_memory(spaces.Sequence(box))
vu.read_from_shared_memory(3, None), vu.write_to_shared_memory(3, 0, 1, None)
"""

LISTS = {"drawn": DRAWN, "filmed": FILMED, "listed": LISTED, "shared": SHARED}


class Pipe:
    """One end of a pipe between threads."""

    def __init__(self, given: Any, taken: Any) -> None:
        """Keep what is taken from, and what is given to."""
        self.given, self.taken, self.closed = given, taken, False

    def send(self, value: Any) -> None:
        """Give a value to the other end."""
        self.given.put(value)

    def recv(self) -> Any:
        """Return the next value of the other end. Raises queue.Empty if none comes."""
        return self.taken.get(timeout=9)

    def poll(self, seconds: float = 0) -> bool:
        """Return whether there is a value, or will be soon."""
        begun = threading.Event()
        while self.taken.empty() and seconds > 0:
            begun.wait(0.002)
            seconds -= 0.002
        return not self.taken.empty()

    def close(self) -> None:
        """Close this end, unless the other side of it does so with its copy."""
        self.closed = threading.current_thread() is threading.main_thread()


class Threads:
    """Threads in place of processes, which would each load everything anew."""

    Queue, Array = queue.Queue, staticmethod(multiprocessing.Array)

    @staticmethod
    def Pipe() -> tuple[Pipe, Pipe]:  # noqa: N802 - the name that is asked for
        """Return both ends of a pipe."""
        first, second = queue.Queue[Any](), queue.Queue[Any]()
        return Pipe(first, second), Pipe(second, first)

    class Process(threading.Thread):
        """A thread that can be asked like a process."""

        def terminate(self) -> None:
            """Tell it to end."""
            if hasattr(self, "_args"):
                self._args[2].taken.put(("close", None))

        def join(self, timeout: float | None = 0.01) -> None:
            """Wait for a moment only."""
            super().join(timeout)


def get_threads(_: Any = None) -> type[Threads]:
    """Return threads, whatever way to start processes is asked for."""
    return Threads


def use_games(name: str) -> list[Any]:
    """Return what the steps of a list with environments give."""
    return play_in_world(LISTS[name], "copy json", threads=get_threads, tell_bytes=tell_bytes)


OF_GAMES = (Family(use_games, lambda: [*LISTS], lambda _: None),)
