"""Programs with odd worlds for the agents of Stable-Baselines3: checked, wrapped and drawn."""

from __future__ import annotations

from typing import Any

from ..families import Family
from ..worlds import play_in_world
from .of_training import get_common

CHECKED = """
from stable_baselines3.common import env_checker
def check(*given, **options):
    env = World(*given, **options)
    return [note(lambda: ask(lambda: env_checker.check_env(env))), env.count, len(env.asked)]
for seen in (box, spaces.Discrete(3), spaces.Discrete(3, start=1), spaces.MultiDiscrete([2, 3]),
    spaces.MultiBinary(3),
    spaces.MultiDiscrete([[2, 3], [4, 2]]), spaces.Box(0, 1, (40, 40, 3)), spaces.Box(0, 255, (40,
    40, 3), np.uint8),
    spaces.Box(0, 255, (3, 20, 20), np.uint8), spaces.Box(0, 255, (3, 40, 40), np.uint8),
    spaces.Box(0, 200, (40, 40, 1), np.uint8),
    both, spaces.Dict(a=both, b=box), spaces.Tuple([box, spaces.Discrete(2)]),
    spaces.Dict(a=spaces.Discrete(2, start=4), b=box),
    spaces.Sequence(box), spaces.Graph(box, None), spaces.OneOf([box, spaces.Discrete(2)]),
    spaces.Dict(a=spaces.Sequence(box)),
    spaces.Dict(a=spaces.Graph(box, None), b=box), spaces.Text(4), spaces.Tuple([both, box]),
    spaces.Box(-1, 1, (2,), np.float64),
    spaces.Dict(a=spaces.MultiDiscrete([2, 3], start=[1, 0])), spaces.Dict(a=spaces.OneOf([box,
    box]))):
    out += [str(seen), check(seen)]
for acts in (spaces.Discrete(2, start=1), spaces.Box(0, 1, (2,)), spaces.Box(-2, 2, (2,)),
    spaces.Box(-np.inf, 1, (2,)), both,
    spaces.Box(-1, 1, (2,), np.float64), spaces.MultiDiscrete([[2, 3], [4, 2]]),
    spaces.MultiBinary([2, 2]), spaces.Tuple([box]),
    spaces.Box(1, 1, (2,)), spaces.Box(-np.inf, np.inf, (1,)), spaces.MultiDiscrete([2, 2],
    start=[1, 1]), spaces.Box(-1, 1, (1, 1))):
    out += [str(acts), check(box, acts)]
ok = np.zeros(2, np.float32)
for given in ((ok, 1.0, False, False, {}), (ok, 1, False, False, {}), (ok, '1', False, False, {}),
    (ok, 1.0, 0, False, {}), (ok, 1.0, False, 0, {}),
    (ok, 1.0, False, False, None), (ok, 1.0, False), ([0, 0], 1.0, False, False, {}), (np.zeros(3,
    np.float32), 1.0, False, False, {}),
    (np.zeros(2), 1.0, False, False, {}), (np.full(2, 9, np.float32), 1.0, False, False, {}),
    ((ok,), 1.0, False, False, {}),
    (ok, np.nan, False, False, {}), (np.full(2, np.nan, np.float32), 1.0, False, False, {}), (ok,
    np.float64(2), False, False, {}),
    (3, 1.0, False, False, {}), ({'a': ok}, 1.0, False, False, {}), (np.array([-9, 2],
    np.float32), 1.0, False, False, {})):
    out.append(check(box, given=given))
    out.append(check(box, started=(given[0], {})))
    out.append(check(spaces.Discrete(3), given=given))
for started in (ok, (ok,), (ok, 3), [ok, {}], (ok, {}, 3), None, (np.zeros(3, np.float32), {}),
    ((ok, ok), {})):
    out.append(check(box, started=started))
for started in (({'a': ok}, {}), ({'a': ok, 'b': np.zeros((2, 2, 1), np.uint8)}, {}),
    ({'a': ok, 'b': 3}, {}), (ok, {}), (({'a': ok},), {})):
    out.append(check(both, started=started))
for mode in (None, 'human', 'rgb_array', 'no'):
    out += [check(box, render_mode=mode),
        note(lambda: ask(lambda: env_checker.check_env(World(box, render_mode=mode), False,
        False)))]
ask(lambda: env_checker.check_env(3)), ask(lambda: env_checker.check_env(World))
class Bare(gym.Env):
    def step(self, action):
        return None
ask(lambda: env_checker.check_env(Bare()))
class Goals(World):
    def __init__(self, reward=0.0, keys=('achieved_goal', 'desired_goal', 'observation'),
        wrong=0.0, kind=None):
        super().__init__(spaces.Dict({key: kind or spaces.Box(-1, 1, (2,)) for key in keys}),
            reward=reward)
        self.wrong = wrong
    def compute_reward(self, achieved, desired, info):
        many = np.ndim(achieved) > 1
        return np.zeros(np.shape(achieved)[:1] if many else ()) + (self.wrong if many else 0.0)
for made in (lambda: Goals(), lambda: Goals(1.0), lambda: Goals(wrong=2.0),
    lambda: Goals(keys=('achieved_goal', 'b', 'c')), lambda: Goals(keys=('a',)),
    lambda: Goals(kind=spaces.Discrete(3)), lambda: Goals(keys=('achieved_goal', 'desired_goal',
    'c'))):
    out.append(note(lambda: ask(lambda: env_checker.check_env(made()))))
"""

WRAPPED = """
from stable_baselines3.common import vec_env as v
def make(count=2, seen=both, **options):
    return v.DummyVecEnv([lambda: World(copy.deepcopy(seen), **options) for _ in range(count)])
def run(envs, steps=4):
    found = [envs.reset()]
    for step in range(steps):
        found.append(envs.step(np.array([0] * envs.num_envs)))
    return found
for order in (None, 'last', 'first', {'a': 'last', 'b': 'first'}, 'no', {'a': 'last'}):
    out += [tried(lambda: run(v.VecFrameStack(make(), 3, order))),
        tried(lambda: str(v.VecFrameStack(make(), 2, order).observation_space))]
    out.append(tried(lambda: run(v.VecFrameStack(make(seen=spaces.Box(0, 255, (4, 4, 1),
        np.uint8)), 2, order))))
tried(lambda: v.VecFrameStack(make(seen=spaces.Discrete(3)), 2))
run(v.VecFrameStack(make(seen=box), 2))
v.VecFrameStack(make(seen=spaces.Box(0, 255, (2, 4, 4), np.uint8)), 3).observation_space
for options in ({}, {'norm_obs_keys': ['a']}, {'norm_obs_keys': ['b']}, {'norm_obs_keys': ['c']},
    {'norm_obs': False}, {'clip_obs': 0.3}, {'training': False},
    {'norm_reward': False}, {'clip_reward': 0.1, 'gamma': 0.5}, {'epsilon': 0.4}):
    envs = tried(lambda: v.VecNormalize(make(), **options))
    out += [tried(run, envs), tried(lambda: str(envs.observation_space))]
    out += [tried(lambda: envs.unnormalize_obs(envs.normalize_obs(envs.get_original_obs())))]
    out += [tried(lambda: envs.unnormalize_reward(envs.normalize_reward(np.array([1.0, 2.0])))),
        tried(lambda: envs.get_original_reward())]
    out += [tried(lambda: vars(envs.obs_rms['a'])), tried(lambda: vars(envs.ret_rms))]
tried(v.VecNormalize, make(seen=spaces.Discrete(2)))
tried(v.VecNormalize, make(seen=box), norm_obs_keys=['a'])
tried(v.VecNormalize, make(seen=spaces.Dict(a=spaces.Discrete(2))))
envs, other = v.VecNormalize(make(seen=box)), v.VecNormalize(make(seen=box))
envs.set_venv(make()), run(envs), v.sync_envs_normalization(envs, other), vars(other.obs_rms)
vars(other.ret_rms), v.sync_envs_normalization(envs, make(seen=box))
v.sync_envs_normalization(v.VecMonitor(envs), v.VecMonitor(other))
v.sync_envs_normalization(v.VecMonitor(envs), other)
v.sync_envs_normalization(envs, v.VecMonitor(make(seen=box)))
envs.save('kept.pkl')
loaded = v.VecNormalize.load('kept.pkl', make(seen=box))
vars(loaded.obs_rms), loaded.training, loaded.clip_obs, run(loaded), loaded.returns
tried(v.VecNormalize.load, 'kept.pkl', make())
v.VecNormalize(make(seen=spaces.Box(0, 255, (2, 2, 1), np.uint8))).observation_space
v.VecNormalize(make(seen=spaces.Box(0, 255, (2, 2, 1), np.uint8)),
    norm_obs=False).observation_space
run(v.VecExtractDictObs(make(), 'a')), v.VecExtractDictObs(make(seen=box), 'a')
v.VecExtractDictObs(make(), 'c'), v.VecExtractDictObs(make(), 'b').observation_space
for skip in (False, True):
    out += [tried(lambda: run(v.VecTransposeImage(make(), skip))),
        tried(lambda: run(v.VecTransposeImage(make(seen=box), skip)))]
v.VecTransposeImage(make(seen=spaces.Box(0, 255, (3, 40, 40), np.uint8)))
v.VecTransposeImage.transpose_image(np.arange(12).reshape(2, 3, 2))
v.VecTransposeImage.transpose_image(np.arange(24).reshape(2, 2, 3, 2))
envs = v.VecTransposeImage(make())
envs.transpose_observations({'b': np.ones((2, 2, 2, 1)), 'a': np.ones(2)}), envs.close()
for options in ({}, {'raise_exception': False, 'warn_once': False}, {'check_inf': False}):
    for bad in (np.nan, np.inf, -np.inf):
        for place in ('reward', 'given', 'started'):
            wrong = {'a': np.array([bad, 1], np.float32), 'b': np.zeros((2, 2, 1), np.uint8)}
            values = {'reward': bad, 'given': (wrong, 1.0, False, False, {}),
                'started': (wrong, {})}
            out.append(note(lambda: ask(lambda: run(v.VecCheckNan(make(1,
                **{place: values[place]}), **options), 2))))
    for act in (np.array([np.nan]), np.array([np.inf])):
        envs = v.VecCheckNan(make(1, box), **options)
        envs.reset()
        out.append(note(lambda: ask(lambda: envs.step_async(act))))
v.VecCheckNan(make(acts=both))
v.VecCheckNan(make(seen=spaces.Tuple([box]))).check_array_value('a', ())
v.VecCheckNan(make()).check_array_value('a', 'x')
"""

DRAWN = """
from stable_baselines3.common import vec_env as v
def make(mode, count=3, **options):
    return v.DummyVecEnv([lambda: World(copy.deepcopy(box), render_mode=mode,
        **options) for _ in range(count)])
for mode in (None, 'rgb_array', 'human', 'ansi'):
    envs = make(mode)
    envs.reset()
    for asked in (None, 'rgb_array', 'human', 'no'):
        if (mode, asked) != ('rgb_array', 'human'):
            out.append(note(lambda: ask(lambda: envs.render(asked))))
    out += [note(lambda: envs.get_images()), envs.render_mode, v.VecMonitor(envs).get_images()]
v.util.dict_to_obs(both, {'a': 1, 'b': 2}), v.util.obs_space_info(both)[0]
v.util.obs_space_info(spaces.Tuple([box]))[1:]
for count in (1, 2, 3, 5):
    out.append(v.base_vec_env.tile_images([np.full((2, 3, 3), place,
        np.uint8) for place in range(count)]))
v.DummyVecEnv([lambda made=World(box): made] * 2)
v.DummyVecEnv([lambda: World(box), lambda: World(box, render_mode='human')])
class Named(gym.Wrapper):
    def __init__(self, env, name='one'):
        super().__init__(env)
        self.name = name
    def call(self, value=1, *, more=2):
        return [self.name, value, more]
envs = v.DummyVecEnv([lambda place=place: Named(World(copy.deepcopy(box)),
    str(place)) for place in range(3)])
envs.seed(5), envs.reset(), envs.reset_infos, envs.get_attr('asked'), envs.seed()
envs.set_options({'b': 1}), envs.reset(), envs.get_attr('asked')
envs.set_options([{'b': 1}, {'c': 2}, {}]), envs.reset(), envs.get_attr('asked')
envs.set_options(), envs.set_options({}), envs.get_attr('name', 1), envs.get_attr('name', [0, 2])
envs.set_attr('name', 'x', [1]), envs.get_attr('name'), envs.env_method('call', 4, indices=0)
envs.env_method('call', 4, more=3), envs.env_method('no'), envs.get_attr('no')
envs.has_attr('name'), envs.has_attr('no'), envs.env_is_wrapped(Named)
envs.env_is_wrapped(gym.wrappers.TimeLimit, 1), envs.unwrapped is envs
envs.getattr_depth_check('reset', True)
outer = v.VecMonitor(v.VecNormalize(envs))
outer.has_attr('name'), outer.has_attr('no'), outer.clip_obs, outer.no
outer.getattr_depth_check('clip_obs', False), outer.get_attr('name'), outer.env_is_wrapped(Named)
outer.unwrapped is envs
outer.set_attr('name', 'y', 0), outer.env_method('call', indices=[0])
outer.getattr_recursive('clip_obs'), outer.seed(4), outer.set_options({'q': 1})
outer.venv.clip_obs
class Twice(v.VecEnvWrapper):
    clip_obs = 3
    def reset(self):
        return self.venv.reset()
    def step_wait(self):
        return self.venv.step_wait()
ask(lambda: v.VecMonitor(Twice(v.VecNormalize(envs))).clip_obs)
v.unwrap_vec_wrapper(outer, v.VecNormalize) is outer.venv
v.unwrap_vec_wrapper(envs, v.VecNormalize), v.is_vecenv_wrapped(outer, Twice)
v.unwrap_vec_normalize(envs), v.is_vecenv_wrapped(outer, v.VecMonitor)
v.base_vec_env.CloudpickleWrapper(4).var, copy.copy(v.base_vec_env.CloudpickleWrapper([4])).var
v.patch_gym._patch_env(3), v.patch_gym._convert_space(3)
v.patch_gym._patch_env(World(box)).count, v.patch_gym._convert_space(box)
class Film:
    def __init__(self, frames, fps):
        films.append([len(frames), frames[0].sum(), frames[-1].sum(), frames[0].shape, fps])
    def write_videofile(self, path):
        films.append(path.rpartition('/')[2])
films = []
clips = type(np)('moviepy.video.io.ImageSequenceClip')
clips.ImageSequenceClip = Film
names = ['moviepy', 'moviepy.video', 'moviepy.video.io', 'moviepy.video.io.ImageSequenceClip']
with mock.patch.dict('sys.modules', {**dict.fromkeys(names, clips)}):
    for mode in ('rgb_array', None):
        for length in (2, 9):
            envs = tried(v.VecVideoRecorder, make(mode, 2), 'films', lambda step: step in (0, 3),
                length, 'first')
            out.append(tried(envs.reset) if not isinstance(envs, str) else envs)
            for step in range(6):
                out.append(tried(lambda: [envs.step(np.zeros(2, int)), envs.recording,
                    envs.step_id, len(envs.recorded_frames)]))
            out += [tried(lambda: envs.video_name), tried(lambda: envs.close()), list(films)]
    envs = v.VecVideoRecorder(v.VecMonitor(make('rgb_array', 1)), 'more', lambda step: False)
    out += [envs.reset(), envs.step(np.zeros(1, int)), envs._start_recording(),
        envs._capture_frame(), envs._stop_recording(), tried(envs._stop_recording), list(films)]
tried(v.VecVideoRecorder, make('rgb_array'), 'films', lambda step: True)
"""

WORKERS = """
from stable_baselines3.common import vec_env as v
from stable_baselines3.common.vec_env import subproc_vec_env as s
class Pipe:
    def __init__(self, asked=()):
        self.asked, self.sent = list(asked), []
    def recv(self):
        if not self.asked:
            raise EOFError
        given = self.asked.pop(0)
        if isinstance(given, type):
            raise given
        return given
    def send(self, value):
        self.sent.append(value)
    def close(self):
        self.sent.append('closed')
def work(*asked, **options):
    pipe, parent = Pipe(asked), Pipe()
    given = tried(s._worker, pipe, parent,
        v.base_vec_env.CloudpickleWrapper(lambda: World(copy.deepcopy(box), **options)))
    return [given, pipe.sent, parent.sent, len(pipe.asked)]
work(('get_spaces', None), ('reset', (5, None)), ('step', 1), ('step', 0), ('step', 1),
    ('step', 0), ('close', None), ('reset', (1, None)))
work(('reset', (5, {'a': 1})), ('get_attr', 'asked'), ('set_attr', ('end', 1)),
    ('get_attr', 'end'), ('step', 0), ('step', 0), ('has_attr', 'no'), ('has_attr', 'end'))
work(('env_method', ('look', (), {})), ('env_method', ('no', (), {})), ('render', None))
work(('render', None), ('is_wrapped', gym.Wrapper), KeyboardInterrupt, ('render', None))
work(('no', 1)), work(), work(('get_attr', 'no'))
work(('env_method', ('reset', (), {'seed': 3, 'options': {'z': 1}})), ('get_attr', 'asked'))
class Started:
    def join(self):
        joined.append(1)
joined = []
def make(*answers, count=2, mode=None):
    envs = s.SubprocVecEnv.__new__(s.SubprocVecEnv)
    envs.waiting = envs.closed = False
    envs.processes = [Started() for _ in range(count)]
    envs.remotes = [Pipe([mode, *answers]) for _ in range(count)]
    v.VecEnv.__init__(envs, count, box, spaces.Discrete(2))
    return envs
ok = np.zeros(2, np.float32)
envs = make((ok, {'a': 1}), (ok + 1, 2.0, True, {'i': 1}, {'r': 1}), True, 'one', None, 4, False)
envs.seed(3), envs.set_options({'q': 1}), envs.reset(), envs.reset_infos
envs.step_async(np.array([1, 0])), envs.waiting, envs.step_wait(), envs.waiting, envs.reset_infos
envs.has_attr('x'), envs.get_attr('x'), envs.set_attr('x', 2), envs.env_method('look', 3, k=4)
envs.env_is_wrapped(gym.Wrapper), note(envs.get_images)
[each.sent for each in envs.remotes], envs.close(), envs.close(), joined, envs.closed
[each.sent for each in envs.remotes]
envs = make('one', 'two', 'three')
envs.get_attr('x', 1), envs.get_attr('x', [0]), envs.env_method('look', indices=range(1))
[each.sent for each in envs.remotes]
envs = make('frame', 'late', mode='rgb_array')
envs.get_images(), envs.step_async(np.array([1, 0])), envs.close()
[each.sent for each in envs.remotes], envs.render_mode
s._stack_obs([ok, ok + 1], box), s._stack_obs([{'a': ok, 'b': ok}, {'a': ok + 1, 'b': ok}], both)
s._stack_obs([(ok, 1), (ok, 2)], spaces.Tuple([box, spaces.Discrete(3)]))
s._stack_obs([], box), s._stack_obs(3, box), s._stack_obs([ok], both)
s._stack_obs([ok], spaces.Tuple([box])), s._stack_obs([3, 4], spaces.Discrete(9))
"""

LISTS = {"checked": CHECKED, "wrapped": WRAPPED, "drawn": DRAWN, "workers": WORKERS}


def use_worlds(name: str) -> list[Any]:
    """Return what the steps of a list with odd worlds give."""
    get_common("vec_env")
    return play_in_world(LISTS[name], "copy")


OF_WORLDS = (Family(use_worlds, lambda: [*LISTS], lambda _: None),)
