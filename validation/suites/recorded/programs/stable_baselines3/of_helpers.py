"""Programs with what Stable-Baselines3 has around its agents: files, layers, options, callbacks."""

from __future__ import annotations

from typing import Any

from ..families import Family
from ..worlds import play_in_world
from .of_agents import build_agent
from .of_training import get_common

USED = """
from stable_baselines3.common import utils as u
for value in (3, 2.5, lambda left: left * 2, None, 'x', u.FloatSchedule(4),
    u.ConstantSchedule(2)):
    out += [tried(lambda: u.FloatSchedule(value)(0.5)),
        tried(lambda: repr(u.FloatSchedule(value)) if not callable(value) else 1)]
u.LinearSchedule(1.0, 0.2, 0.5)(1.0), u.LinearSchedule(1.0, 0.2, 0.5)(0.7)
u.LinearSchedule(1.0, 0.2, 0.5)(0.1), repr(u.LinearSchedule(1, 0, 0.3))
repr(u.ConstantSchedule(3))
u.get_schedule_fn(0.3)(0.2), u.get_linear_fn(1, 0, 0.5)(0.8), u.constant_fn(4)(0.1)
u.explained_variance(np.array([1.0, 2, 3]), np.array([1.0, 2, 4]))
u.explained_variance(np.ones(3), np.ones(3))
u.get_device('cpu').type, u.get_device(torch.device('cpu')).type, u.get_device('no')
u.set_random_seed(4), np.random.random(), torch.rand(2)
o = torch.optim.SGD([torch.zeros(1)], 0.1)
u.update_learning_rate(o, 0.4), o.param_groups[0]['lr'], u.safe_mean([]), u.safe_mean([1, 3])
u.should_collect_more_steps(u.TrainFreq(3, u.TrainFrequencyUnit.STEP), 2, 0)
u.should_collect_more_steps(u.TrainFreq(3, u.TrainFrequencyUnit.EPISODE), 2, 3)
u.should_collect_more_steps(u.TrainFreq(3, 'x'), 2, 3)
a, b = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
u.polyak_update(a.parameters(), b.parameters(), 0.3), [*b.parameters()]
u.polyak_update(a.parameters(), [*b.parameters()][:1], 0.3), u.zip_strict([1], [2])
[*u.zip_strict([1], [2, 3])]
for first, second in ((box, box), (box, spaces.Discrete(2)), (both, both), (both, box),
    (box, spaces.Box(-1, 1, (3,))), (both, spaces.Dict(a=box)), (spaces.Discrete(2),
    spaces.Discrete(3))):
    out += [ask(lambda: u.check_shape_equal(first, second)),
        ask(lambda: u.check_for_correct_spaces(World(first, second), second, first)),
        ask(lambda: u.check_for_correct_spaces(World(first, second), first, second))]
for space in (box, spaces.Discrete(3), spaces.MultiDiscrete([2, 3]), spaces.MultiBinary(3),
    spaces.MultiBinary([2, 2]), both, spaces.Tuple([box])):
    for shape in ((), (2,), (3,), (1, 2), (4, 3), (2, 2), (5, 2, 2), (1, 2, 3)):
        out.append(ask(lambda: u.is_vectorized_observation(np.zeros(shape, int), space)))
for first in ((2,), (3, 2), (4,)):
    for second in ((2, 2, 1), (3, 2, 2, 1), (7,)):
        out.append(ask(lambda: u.is_vectorized_observation({'a': np.zeros(first),
            'b': np.zeros(second)}, both)))
u.obs_as_tensor(np.ones(2), 'cpu'), u.obs_as_tensor({'a': np.ones(2)}, 'cpu')
u.obs_as_tensor([1], 'cpu'), u.get_parameters_by_name(a, ['wei'])
u.get_parameters_by_name(a, ['no'])
for name in ('logs/a_1', 'logs/a_7', 'logs/a_x', 'logs/b_9', 'logs/a_b_3'):
    os.makedirs(name)
u.get_latest_run_id('logs', 'a'), u.get_latest_run_id('logs', 'b')
u.get_latest_run_id('logs', 'c'), u.get_latest_run_id('no', 'a')
u.get_latest_run_id('logs', 'a_b')
for given in ((0, None), (1, None), (0, 'logs', 'a'), (1, 'logs', 'a', False)):
    made = tried(u.configure_logger, *given)
    out.append([type(each).__name__ for each in made.output_formats] if not isinstance(made,
        str) else made)
from stable_baselines3.common import preprocessing as p
for space in (box, spaces.Box(0, 255, (3, 40, 40), np.uint8),
    spaces.Box(0, 255, (40, 40, 3), np.uint8), spaces.Box(0, 255, (40, 40, 3)), spaces.Box(0, 9,
    (40, 40, 3), np.uint8), spaces.Box(0, 255, (7, 7, 7), np.uint8)):
    out += [p.is_image_space(space), p.is_image_space(space, True),
        p.is_image_space(space, normalized_image=True),
        ask(lambda: p.is_image_space_channels_first(space)), p.get_obs_shape(space)]
    for shape in ((3, 40, 40), (40, 40, 3), (1, 40, 40, 3), (2,)):
        out.append(ask(lambda: p.maybe_transpose(np.zeros(shape), space).shape))
p.preprocess_obs(torch.ones(2), spaces.Tuple([box])), p.preprocess_obs(torch.ones(2), both)
p.preprocess_obs({'a': torch.ones(2), 'b': torch.ones(2, 2, 1) * 51}, both)
p.get_flattened_obs_dim(both), p.get_action_dim(both)
p.check_for_nested_spaces(both), p.check_for_nested_spaces(spaces.Dict(a=both))
p.check_for_nested_spaces(spaces.Tuple([both])), p.get_obs_shape(both)
p.get_obs_shape(spaces.Tuple([box])), p.get_action_dim(spaces.MultiBinary([2, 2]))
"""

KEPT = """
from stable_baselines3.common import save_util as s
import io, pathlib, zipfile
for path in ('a', 'a.zip', 'b/c', pathlib.Path('d/e.zip'), io.BytesIO()):
    out += [note(lambda: ask(lambda: s.save_to_zip_file(path,
        {'n': 3, 'f': np.ones(2), 'g': len}, {'policy': {'w': torch.ones(2)}},
        {'v': torch.zeros(1)}, 2)))]
    out.append(note(lambda: ask(lambda: [each if not isinstance(each,
        dict) else sorted(each) for each in s.load_from_zip_file(path, verbose=2)])))
s.load_from_zip_file('a', {'n': 7})[0]['n'], s.load_from_zip_file('a', load_data=False)[0]
note(lambda: ask(lambda: s.load_from_zip_file('none')))
pathlib.Path('text.zip').write_text('x'), ask(lambda: s.load_from_zip_file('text'))
s.load_from_zip_file('a', 3), os.makedirs('dir.zip')
note(lambda: ask(lambda: s.save_to_zip_file('dir', {'n': 1})))
with zipfile.ZipFile('old.zip', 'w') as file:
    file.writestr('data', '{"n": 1}')
note(lambda: ask(lambda: s.load_from_zip_file('old', print_system_info=True)))
note(lambda: ask(lambda: s.load_from_zip_file('a', print_system_info=True)[0]['n']))
for path, mode in (('a.zip', 'r'), ('q', 'w'), ('q', 'x'), (3, 'r'), (io.BytesIO(b'z'), 'r'),
    (io.BytesIO(), 'w'), (io.BytesIO(), 'x'), ('q', 'r'), ('b/none', 'r')):
    out.append(note(lambda: ask(lambda: type(s.open_path(path, mode, 2, 'zip')).__name__)))
closed = io.BytesIO()
closed.close()
ask(lambda: s.open_path(closed, 'r')), ask(lambda: s.open_path(io.StringIO(), 'r'))
class OnlyWrite(io.RawIOBase):
    def writable(self):
        return True
ask(lambda: s.open_path(OnlyWrite(), 'r'))
ask(lambda: s.open_path(OnlyWrite(), 'w').writable()), s.is_json_serializable({'a': 1})
s.is_json_serializable(len), s.recursive_setattr.__name__
text = s.data_to_json({'a': [1, 2], 'b': len, 'c': np.ones(1), 'd': None})
sorted(json.loads(text)), sorted(json.loads(text)['b'])[:3], s.json_to_data(text)['a']
s.json_to_data(text, {'b': 4})['b'], s.json_to_data(text, 3), s.json_to_data('[]')
broken = json.loads(text)
broken['b'][':serialized:'] = 'AAAA'
note(lambda: ask(lambda: sorted(s.json_to_data(json.dumps(broken)).items(), key=str)[:2]))
s.save_to_pkl('memory', {'a': np.ones(2)}, 2), s.load_from_pkl('memory', 2)
note(lambda: ask(lambda: s.save_to_pkl('x/y/z', 3, 2))), s.load_from_pkl('x/y/z')
ask(lambda: s.load_from_pkl('none'))
s.save_to_pkl('m.pkl', 4), s.load_from_pkl('m'), s.load_from_pkl(pathlib.Path('m.pkl'))
"""

LAYERS = """
from stable_baselines3.common import torch_layers as t
from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike
for given in ((3, 2, [4]), (3, -1, [4, 5]), (3, 2, []), (3, -1, []),
    (3, 2, [4], torch.nn.Tanh, True), (3, 2, [4], torch.nn.ReLU, False, False)):
    for more in ({}, {'pre_linear_modules': [torch.nn.LayerNorm]},
        {'post_linear_modules': [torch.nn.LayerNorm]}):
        out.append(repr(t.create_mlp(*given, **more)))
t.get_actor_critic_arch([3]), t.get_actor_critic_arch({'pi': [1], 'qf': [2]})
t.get_actor_critic_arch({'pi': [1]}), t.get_actor_critic_arch({'qf': [1]})
t.get_actor_critic_arch(3)
image = spaces.Box(0, 255, (3, 36, 36), np.uint8)
torch.manual_seed(3)
t.NatureCNN(box), ask(lambda: t.NatureCNN(spaces.Box(0, 255, (3, 5, 5))))
t.NatureCNN(spaces.Box(0, 1, (3, 36, 36)), 4, True)(torch.ones(1, 3, 36, 36))
t.FlattenExtractor(image).features_dim
for arch in ([4], {'pi': [3], 'vf': [2, 2]}, {'vf': [2]}, {}, []):
    m = t.MlpExtractor(3, arch, torch.nn.Tanh)
    out += [repr(m), m(torch.ones(1, 3)), m.latent_dim_pi, m.latent_dim_vf]
both_ = spaces.Dict(a=box, b=image)
m = t.CombinedExtractor(both_, 6)
m.features_dim, repr(m.extractors['a'])
m({'a': torch.ones(1, 2), 'b': torch.ones(1, 3, 36, 36)})
t.CombinedExtractor(spaces.Dict(a=spaces.Box(0, 1, (3, 36, 36)), b=box), 5, True).features_dim
t.BaseFeaturesExtractor(box, 0)
for options in ({}, {'momentum': 0.5}, {'centered': True}, {'weight_decay': 0.1},
    {'centered': True, 'momentum': 0.9}, {'lr': -1}, {'eps': -1}, {'momentum': -1},
    {'weight_decay': -1}, {'alpha': -1}, {'alpha': 0.5, 'eps': 0.1}):
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    o = tried(lambda: RMSpropTFLike([w], **{'lr': 0.1, **options}))
    for step in range(3):
        w.grad = torch.tensor([0.5, step - 1.0])
        out += [tried(lambda: o.step(lambda: (w ** 2).sum())), w.detach().clone()]
    out.append(tried(lambda: [o.state_dict(), o.load_state_dict(o.state_dict()), repr(o)]))
w.grad = torch.ones(2).to_sparse()
o = RMSpropTFLike([w])
o.step()
o.__setstate__({'state': {}, 'param_groups': [{'params': [w]}]}), o.param_groups[0]['momentum']
o.param_groups[0]['centered']
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3, DDPG
from stable_baselines3.common.policies import ActorCriticPolicy
class Shrunk(t.BaseFeaturesExtractor):
    def __init__(self, space, size=3):
        super().__init__(space, size)
        self.line = torch.nn.Linear(int(np.prod(space.shape)), size)
    def forward(self, seen):
        return self.line(seen.flatten(1))
acts = spaces.Box(-1, 1, (2,))
for options in ({}, {'share_features_extractor': False}, {'ortho_init': False},
    {'net_arch': [dict(pi=[2], vf=[3])]}, {'net_arch': {'pi': [2], 'vf': [3]}},
    {'activation_fn': torch.nn.ReLU}, {'use_sde': True},
    {'use_sde': True, 'full_std': False}, {'use_sde': True, 'squash_output': True},
    {'squash_output': True}, {'use_sde': True, 'use_expln': True}, {'log_std_init': -1.0},
    {'optimizer_class': torch.optim.SGD}, {'optimizer_kwargs': {'eps': 0.1}},
    {'features_extractor_class': Shrunk}, {'features_extractor_class': Shrunk,
    'features_extractor_kwargs': {'size': 2}, 'share_features_extractor': False},
    {'normalize_images': False}, {'net_arch': []}):
    torch.manual_seed(3)
    p = tried(lambda: ActorCriticPolicy(box, acts, lambda left: 0.1 * left,
        **{'net_arch': [4], **options}))
    x = torch.tensor([[0.3, -0.4], [0.1, 0.9]])
    out += [tried(lambda: p(x, True)), tried(lambda: p.predict_values(x)),
        tried(lambda: p.evaluate_actions(x, x * 0.5)), tried(lambda: p.predict(x.numpy(),
        deterministic=True)[0])]
    out += [repr(p), tried(lambda: p.get_distribution(x).mode()),
        tried(lambda: p.parameters_to_vector()[:9]), tried(lambda: [p.reset_noise(2), p(x)])]
    out += [tried(lambda: sorted(p._get_constructor_parameters())),
        tried(lambda: p.extract_features(x)), tried(lambda: p.extract_features(x,
        p.features_extractor)), tried(lambda: p.unscale_action(p.scale_action(np.ones(2)))),
        tried(lambda: p._squash_output)]
p.predict((x.numpy(), {})), p.predict({'a': x.numpy()})
p.load_from_vector(p.parameters_to_vector() * 2), p(x, True), p.save('policy')
ActorCriticPolicy.load('policy')(x, True), p.set_training_mode(False), p.training
p.init_weights(torch.nn.Linear(2, 2), 0.5)
def make(name, **options):
    torch.manual_seed(3)
    space = acts if name != 'DQN' else spaces.Discrete(2)
    return {'SAC': SAC, 'TD3': TD3, 'DQN': DQN}[name].policy_aliases['MlpPolicy'](box, space,
        lambda left: 0.1, **{'net_arch': [4], **options})
for name, options in (('SAC', {}), ('SAC', {'net_arch': {'pi': [2], 'qf': [3]}}),
    ('SAC', {'share_features_extractor': True}), ('SAC', {'n_critics': 1}), ('SAC',
    {'use_sde': True}), ('SAC', {'use_sde': True, 'use_expln': True, 'clip_mean': 0.0}), ('TD3',
    {}),
    ('TD3', {'share_features_extractor': True}), ('TD3', {'n_critics': 3}), ('DQN', {}), ('DQN',
    {'activation_fn': torch.nn.Tanh}), ('SAC', {'net_arch': None}), ('TD3', {'net_arch': None}),
    ('DQN', {'net_arch': None})):
    p = tried(make, name, **options)
    out += [repr(p), tried(p, x), tried(p.predict, x.numpy(), deterministic=True),
        sorted(p._get_constructor_parameters()), len([*p.parameters()])]
    actor = getattr(p, 'actor', None) or p.q_net
    out += [tried(lambda: sorted(actor._get_constructor_parameters())),
        tried(lambda: actor.get_std()), tried(lambda: actor._predict(x, True)),
        tried(lambda: p.critic(x, x)), tried(lambda: p.critic.q1_forward(x, x)),
        tried(lambda: p.set_training_mode(True))]
from stable_baselines3.common import distributions as d
d.kl_divergence(d.DiagGaussianDistribution(2), d.BernoulliDistribution(2))
d.kl_divergence(d.MultiCategoricalDistribution([2, 3]), d.MultiCategoricalDistribution([2, 4]))
d.make_proba_distribution(both), d.make_proba_distribution(spaces.MultiBinary([2, 2]))
"""

CALLED = """
from stable_baselines3.common import vec_env as v_
from stable_baselines3.common import callbacks as c, monitor, evaluation, noise
from stable_baselines3.common.logger import *
def learn(callback, steps=30, name='PPO', world='cart', **options):
    agent = build_agent(name, world, **options)
    return [ask(lambda: agent.learn(steps, callback).num_timesteps),
        dict(agent.logger.name_to_value) and sorted(agent.logger.name_to_value)]
class Seen(c.BaseCallback):
    def _on_step(self):
        return self.num_timesteps < 20
seen = Seen(1)
learn(seen), seen.n_calls, learn([seen, Seen()])
learn(lambda names, world: sorted(names)[:3] != 0), learn(lambda names, world: False)
learn(c.ConvertCallback(None))
learn(c.EveryNTimesteps(8, seen)), seen.n_calls, learn(c.LogEveryNTimesteps(9))
learn(c.StopTrainingOnMaxEpisodes(2, 1)), learn(c.StopTrainingOnMaxEpisodes(1), 40)
learn(c.CallbackList([c.StopTrainingOnMaxEpisodes(3), Seen()]))
learn(c.CheckpointCallback(9, 'made', 'cp', verbose=2)), sorted(os.listdir('made'))
learn(c.CheckpointCallback(7, 'made2', save_replay_buffer=True, save_vecnormalize=True,
    verbose=2), 30, 'DQN'), sorted(os.listdir('made2'))
c.BaseCallback.__abstractmethods__ and 1
cart = lambda: gym.make('CartPole-v1', max_episode_steps=4)
judge = c.EvalCallback(cart(), None, c.StopTrainingOnNoModelImprovement(1, 0, 1), 2, 9, 'log',
    'best', verbose=1)
learn(judge), judge.best_mean_reward, judge.evaluations_timesteps, judge.evaluations_results
sorted(os.listdir('log')), sorted(os.listdir('best'))
learn(c.EvalCallback(cart(), c.StopTrainingOnRewardThreshold(3, 1), eval_freq=9, verbose=1))
learn(c.StopTrainingOnRewardThreshold(3)), learn(c.StopTrainingOnNoModelImprovement(1))
class Won(gym.Wrapper):
    def step(self, action):
        *given, info = self.env.step(action)
        return *given, {**info, 'is_success': given[2] or given[3]}
judge = c.EvalCallback(Won(cart()), eval_freq=9, log_path='won', n_eval_episodes=2, verbose=1)
learn(judge), judge._is_success_buffer, sorted(np.load('won/evaluations.npz'))
np.load('won/evaluations.npz')['successes']
note(lambda: evaluation.evaluate_policy(build_agent('PPO', 'cart'), Won(cart()), 2))
evaluation.evaluate_policy(build_agent('PPO', 'cart'), cart(), 1, reward_threshold=99)
note(lambda: learn(c.EvalCallback(v_.VecNormalize(v_.DummyVecEnv([cart])), eval_freq=9)))
for name, options in (('DQN', {'train_freq': (2.5, 'step')}), ('DQN', {'train_freq': (2, 'no')}),
    ('DQN', {'optimize_memory_usage': True}), ('PPO', {'n_steps': 1, 'batch_size': 1}), ('PPO',
    {'target_kl': 1e-9}), ('PPO', {'clip_range_vf': 0.1}), ('A2C', {'use_rms_prop': False}),
    ('A2C', {'normalize_advantage': True}), ('PPO', {'policy_kwargs': {'net_arch': [4]},
    'use_sde': True}), ('DQN', {'exploration_fraction': 0.9}), ('PPO', {'ent_coef': 0.1,
    'max_grad_norm': 0.01, 'gae_lambda': 0.5}), ('PPO', {'stats_window_size': 2, 'verbose': 2}),
    ('DQN', {'target_update_interval': 1, 'verbose': 1})):
    out.append(note(lambda: ask(lambda: learn(Seen(), 18, name, **options))))
for left, right in ((3, None), (noise.NormalActionNoise(np.zeros(2), np.ones(2)), 2), (None, 2),
    (noise.NormalActionNoise(np.zeros(2), np.ones(2)), 2.5)):
    out.append(ask(lambda: noise.VectorizedActionNoise(left, right)().shape))
n = noise.VectorizedActionNoise(noise.OrnsteinUhlenbeckActionNoise(np.zeros(2), np.ones(2)), 2)
n(), n.reset([0]), n.reset()
ask(lambda: setattr(n, 'noises', [noise.NormalActionNoise(0, 1)] * 2))
ask(lambda: setattr(n, 'noises', n.noises[:1])), ask(lambda: setattr(n, 'noises', [])), repr(n)
ask(lambda: setattr(n, 'base_noise', 3)), repr(n.base_noise)
ask(lambda: HParam({'a': 1}, {})), ask(lambda: HumanOutputFormat(3))
ask(lambda: make_output_format('no', 'x')), str(FormatUnsupportedError(['a', 'b'], 'c'))
for kind in ('log', 'json', 'csv', 'stdout'):
    made = make_output_format(kind, 'written', '_x')
    for value in (Figure(3, True), Video(torch.ones(1), 4), Image(np.ones(2), 'HW'),
        HParam({'a': 1}, {'b': 2}), {}, 'x' * 60, np.float32(2), torch.ones(2), None, 1e9):
        out.append(note(lambda: ask(lambda: made.write({'k/a': value,
            'k/b': 3} if value != {} else {}, {'k/a': None, 'k/b': ('json',)}, 2))))
        out.append(ask(lambda: made.write({'k/a': value}, {'k/a': (kind,)}, 2)))
    made.close()
[[name,
    len(open('written/' + name).read())]
    for name in sorted(os.listdir('written')) if 'csv' not in name]
ask(lambda: KVWriter().write({}, {})), ask(lambda: KVWriter().close())
from stable_baselines3.common import atari_wrappers as aw
class Game(World):
    def __init__(self, names=('NOOP', 'FIRE', 'UP'), lives=3, end=9):
        super().__init__(spaces.Box(0, 255, (8, 6, 3), np.uint8), spaces.Discrete(3), end=end)
        self.names, self.left, self.done = names, lives, []
        self.ale = self
    def lives(self):
        return self.left - self.count // 3
    def get_action_meanings(self):
        return self.names
    def step(self, action):
        self.done.append(int(action))
        return super().step(action)
def play(env, count=12):
    found = [env.reset(seed=3)[1]]
    for step in range(count):
        *given, info = env.step(step % 3)
        found.append([given[0].shape, int(given[0].sum()), *given[1:], info])
    return [found, env.unwrapped.done, env.reset()[1]]
for end in (9, 2):
    for made in (lambda e: aw.StickyActionEnv(e, 0.4), lambda e: aw.NoopResetEnv(e, 4),
        aw.FireResetEnv, aw.EpisodicLifeEnv, lambda e: aw.MaxAndSkipEnv(e, 3), aw.ClipRewardEnv,
        aw.WarpFrame, aw.AtariWrapper):
        out.append(tried(lambda: play(made(Game(end=end)))))
aw.FireResetEnv(Game(('NOOP',))), aw.NoopResetEnv(Game(('UP',)))
aw.StickyActionEnv(Game(('UP',)), 0.1), aw.NoopResetEnv(Game(), 0).reset()
[aw.ClipRewardEnv(Game()).reward(each) for each in (-4, 0, 0.2, 7)]
fixed = aw.NoopResetEnv(Game())
fixed.override_num_noops = 2
fixed.reset(), fixed.unwrapped.done
class Eye:
    COLOR_RGB2GRAY, INTER_AREA = 1, 2
    def cvtColor(self, frame, kind):
        return frame.mean(-1).astype(np.uint8)
    def resize(self, frame, size, interpolation):
        return np.resize(frame, size[::-1])
with mock.patch.object(aw, 'cv2', Eye()):
    for options in ({},
        {'noop_max': 0, 'frame_skip': 1, 'terminal_on_life_loss': False, 'clip_reward': False},
        {'screen_size': 40, 'action_repeat_probability': 0.5}):
        out.append(tried(lambda: play(aw.AtariWrapper(Game(), **options))))
    out += [tried(lambda: play(aw.WarpFrame(Game(), 5, 7))),
        str(aw.WarpFrame(Game(), 5, 7).observation_space)]
from stable_baselines3.common import env_util as eu
for given in ({'n_envs': 2, 'seed': 3}, {'seed': 1, 'start_index': 4, 'monitor_dir': 'mon'},
    {'wrapper_class': Won}, {'wrapper_class': gym.wrappers.TimeLimit,
    'wrapper_kwargs': {'max_episode_steps': 2}}, {'env_kwargs': {'render_mode': 'no'}},
    {'monitor_kwargs': {'info_keywords': ('is_success',)}, 'wrapper_class': Won}):
    envs = tried(eu.make_vec_env, 'CartPole-v1', **given)
    out += [tried(lambda: [envs.reset(), envs.num_envs, repr(envs.envs[0]),
        [envs.step(np.zeros(envs.num_envs, int))[1:3] for _ in range(12)]])]
tried(lambda: eu.make_vec_env(lambda **options: cart(), 1, 3).reset())
tried(lambda: eu.make_vec_env(Game).reset().shape), eu.is_wrapped(Won(cart()), Won)
eu.is_wrapped(cart(), Won), eu.unwrap_wrapper(Won(cart()), Won) is None
eu.make_atari_env(Game, wrapper_kwargs={'noop_max': 0}).num_envs
for text in ('x', '#{"t_start": 0.0}\\nr,l,t\\n1.0,2,3.0\\n', ''):
    os.makedirs('empty', exist_ok=True)
    open('empty/a.monitor.csv', 'w').write(text)
    out += [ask(lambda: monitor.load_results('empty').values.tolist())]
ask(lambda: monitor.load_results('none')), ask(lambda: len(monitor.get_monitor_files('mon')))
"""

LISTS = {"used": USED, "kept": KEPT, "layers": LAYERS, "called": CALLED}


def use_helpers(name: str) -> list[Any]:
    """Return what the steps of a list with parts of Stable-Baselines3 give."""
    get_common("vec_env")
    return play_in_world(LISTS[name], "copy json os", build_agent=build_agent)


OF_HELPERS = (Family(use_helpers, lambda: [*LISTS], lambda _: None),)
