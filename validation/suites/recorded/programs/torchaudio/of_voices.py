"""Programs with the models of torchaudio: small ones of each kind, with each option."""

from __future__ import annotations

import importlib
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..steps import play_sums

SIZES = "'group_norm',[(8,10,5),(8,3,2)],False,16,0.0,7,4,2,2"
"""What reads waves, with few numbers."""

REST = "0.0,24,0.0,0.0"

WAVES = f"""
w = fill(2, 400)
n = torch.tensor([400, 250])
for first in (False, True):
    m = shake(au.wav2vec2_model({SIZES},{REST},first,0.0,6))
    out += [m(w), m(w, n), m.extract_features(w, n, 1), m.extract_features(w)]
    out += [m.extract_features(w, n, 2)[0][-1].shape]
m.extract_features(w, n, 9), m.extract_features(w, None, 0), m(w[0]), m.aux, m(w, n[:1])
m = shake(au.wav2vec2_model('layer_norm',[(8, 10, 5), (6, 3, 2)],
    True,16,0.0,8,4,2,2,{REST},True,0.0,None))
m(w, n), m(torch.nn.functional.layer_norm(w, (400,)), n), m.feature_extractor(w, n)
m.feature_extractor(w[None], n), m.encoder.feature_projection, repr(m)
m.train()
seed(2)
m(w, n)[0].square().sum().backward()
[(name, each.grad) for name, each in m.named_parameters() if each.grad is not None]
m.eval().extract_features(w, n)[1], [*m.state_dict()]
for names in ('no_norm', 'layer_norm'):
    out.append(tried(au.wav2vec2_model, names, [(8, 10)], *({SIZES},{REST},True,0.0,6)[2:]))
m = au.wav2vec2_model({SIZES},0.1,24,0.1,0.1,False,0.5,6).train()
seed(4)
m(w, n), m(w, n), m.extract_features(w, None)
m.encoder.transformer.layers[0].attention(fill(2, 5, 16), attention_mask=torch.zeros(2, 1, 5, 5))
m.encoder.transformer.layers[0].attention(fill(2, 5, 15))
m.encoder.transformer.layers[0].attention(fill(2, 5, 16), attention_mask=torch.zeros(2, 5, 5))
m.encoder.transformer.pos_conv_embed(fill(2, 9, 16)), m.encoder.transformer.layer_drop
"""

LANGUAGE = f"""
w = fill(2, 500)
n = torch.tensor([500, 330])
for first in (False, True):
    m = shake(au.wavlm_model({SIZES},12,20,{REST},first,0.0,5))
    out += [m(w), tried(m, w, n), m.extract_features(w), m.extract_features(w, None, 1)]
    a = m.encoder.transformer.layers[0].attention
    out.append(a.compute_bias(4, 7))
    out += [a(fill(2, 6, 16)),
        a(fill(2, 6, 16), key_padding_mask=torch.arange(6).expand(2, 6) > 3)]
m.encoder.transformer.layers[0].attention.rel_attn_embed
m.encoder.transformer.layers[1].attention
a._relative_positions_bucket(torch.arange(-40, 40, 3))
a._relative_positions_bucket(torch.arange(9), False)
[*m.state_dict()]
m.train()(w)[0].sum().backward()
[(name, each.grad) for name, each in m.named_parameters() if each.grad is not None]
"""

LEARNED = f"""
w = fill(2, 500)
n = torch.tensor([500, 400])
y = (torch.arange(98).reshape(2, 49) * 7) % 5
def make(other='static', overlap=True, space=1, channels=0.0, masked=False, seen=False, grad=0.1):
    return shake(au.hubert_pretrain_model({SIZES},{REST},False,0.0,0.4,other,1.0,3,overlap,space,
        channels,other,1.0,2,overlap,space,masked,seen,5,6,grad))
for options in ({{}}, {{'other': 'uniform'}}, {{'other': 'normal'}}, {{'other': 'poisson'}},
    {{'overlap': False}},
    {{'overlap': False, 'space': 2, 'other': 'uniform'}}, {{'channels': 0.5}}, {{'masked': True}},
    {{'seen': True}},
    {{'grad': None}}, {{'grad': 1.0}}, {{'grad': 0.0}}, {{'other': 'none'}}, {{'channels': 0.4,
    'overlap': False}},
    {{'channels': 0.4, 'other': 'normal'}}):
    m = tried(make, **options)
    seed(5)
    given = tried(lambda: m(w, y, n))
    out += [given]
    seed(6)
    given = tried(lambda: m(w, y))
    out += [given]
    if not isinstance(given, str):
        (given[-1] + sum(each.sum() for each in given[:2] if each is not None)).backward()
        out += [m.wav2vec2.feature_extractor.conv_layers[0].conv.weight.grad,
            m.mask_generator.mask_embedding.grad]
[*m.state_dict()], m.logit_generator.label_embeddings.shape
""".replace("TYPES\n", "")

EMFORMER = """
x = fill(2, 12, 8)
n = torch.tensor([10, 6])
for options in ({}, {'activation': 'gelu'},
    {'activation': 'silu', 'tanh_on_mem': True, 'max_memory_size': 2},
    {'left_context_length': 3}, {'right_context_length': 2}, {'max_memory_size': 3},
    {'left_context_length': 4, 'right_context_length': 2, 'max_memory_size': 2,
    'weight_init_scale_strategy': 'constant'},
    {'weight_init_scale_strategy': None, 'negative_inf': -100.0, 'right_context_length': 2,
    'max_memory_size': 1},
    {'activation': 'no'}, {'weight_init_scale_strategy': 'no'}, {'dropout': 0.2}):
    seed(8)
    m = tried(au.Emformer, 8, 2, 12, 2, 4, **options)
    out.append(m if isinstance(m, str) else [each for each in m.parameters()][:2])
    if isinstance(m, str):
        continue
    m = shake(m)
    right = options.get('right_context_length', 0)
    out += [m(x[:, :10 + right], n), tried(lambda: m(x[:, :10 + right], n + 3))]
    state = None
    for place in (0, 4):
        part = x[:, place:place + 4 + right]
        lengths = torch.tensor([part.shape[1], max(part.shape[1] - 1, 0)])
        *given, state = m.infer(part, lengths, state)
        out += [given, state]
    out.append(tried(m.infer, x[:, :3], n, None))
    m.train()
    seed(3)
    m(x[:, :10 + right], n)[0].square().sum().backward()
    out += [each.grad for each in m.parameters()]
tried(au.Emformer, 9, 2, 12, 2, 4), [*m.state_dict()]
"""

CONFORMER = """
x = fill(3, 9, 8)
n = torch.tensor([9, 5, 7])
for options in ({}, {'use_group_norm': True}, {'convolution_first': True}, {'dropout': 0.2},
    {'use_group_norm': True, 'convolution_first': True}):
    seed(8)
    m = shake(au.Conformer(8, 2, 12, 2, 3, **options))
    out += [m(x, n), tried(m, x, n - 1), tried(m, x, n[:2])]
    seed(1)
    m.train()
    given = m(x, n)
    given[0].square().sum().backward()
    out += [given, [each.grad for each in m.parameters()], [*m.state_dict().values()]]
au.Conformer(8, 2, 12, 1, 4), au.Conformer(8, 3, 12, 1, 3), repr(m)
m = shake(au.DeepSpeech(6, 8, 5, 0.3))
m(fill(2, 1, 7, 6)), m.train()(fill(2, 1, 7, 6)), repr(m), m(fill(2, 2, 7, 6)), m(fill(1, 7, 6))
m.fc1.relu_max_clip, m.fc1(fill(2, 6) * 900)
from unittest import mock
with mock.patch.object(torch.nn.init, 'kaiming_uniform_'):
    for options in ({'num_features': 1}, {'input_type': 'power_spectrum'}, {'input_type': 'no'}):
        out.append(repr(tried(au.Wav2Letter, 5, **options)))
    m = au.Wav2Letter(5, 'mfcc', 3)
[each.shape for each in m.parameters()]
m.acoustic_model = m.acoustic_model[:2]
m.acoustic_model[0] = torch.nn.Conv1d(3, 4, 5)
m(fill(2, 3, 60)), shake(m)(fill(2, 3, 60))
for kind in ('sigmoid', 'relu', 'tanh'):
    m = tried(au.ConvTasNet, 2, 4, 6, 3, 5, 7, 2, 2, kind)
    if not isinstance(m, str):
        m = shake(m)
        out += [m(fill(2, 1, 40)), m(fill(2, 1, 43)), tried(m, fill(2, 2, 40)),
            tried(m, fill(2, 40))]
    out.append(m if isinstance(m, str) else repr(m))
m = shake(au.ConvTasNet(3, 4, 6, 3, 5, 7, 3, 1))
m(fill(1, 1, 50)), m.enc_stride, m.mask_generator.receptive_field, [*m.state_dict()]
"""

READ = """
def make(**options):
    sizes = {'n_mels': 6, 'n_symbol': 9, 'symbol_embedding_dim': 8, 'encoder_embedding_dim': 8,
        'encoder_n_convolution': 2, 'encoder_kernel_size': 3, 'decoder_rnn_dim': 8,
        'decoder_max_step': 7,
        'attention_rnn_dim': 8, 'attention_hidden_dim': 5, 'attention_location_n_filter': 3,
        'attention_location_kernel_size': 3, 'prenet_dim': 6, 'postnet_n_convolution': 3,
        'postnet_kernel_size': 3, 'postnet_embedding_dim': 7}
    seed(8)
    return shake(au.Tacotron2(**{**sizes, **options}))
t = torch.tensor([[3, 1, 4, 1, 5], [2, 6, 5, 0, 0]])
n = torch.tensor([5, 3])
mels = fill(2, 6, 8)
for options in ({}, {'mask_padding': True},
    {'n_frames_per_step': 1, 'decoder_early_stopping': False},
    {'gate_threshold': 0.2}, {'gate_threshold': 0.9, 'mask_padding': True},
    {'decoder_max_step': 2},
    {'decoder_dropout': 0.5, 'attention_dropout': 0.5}, {'n_frames_per_step': 2},
    {'encoder_kernel_size': 5}):
    m = tried(make, **options)
    seed(3)
    out += [tried(m, t, n, mels, torch.tensor([8, 6]))]
    seed(4)
    out += [tried(m.infer, t, n), tried(m.infer, t[:1])]
m.train()
seed(3)
sum(each.sum() for each in m(t, n, mels, torch.tensor([8, 6]))).backward()
[(name, each.grad) for name, each in m.named_parameters()], [*m.state_dict()], repr(m)
m(t, n.flip(0), mels, torch.tensor([8, 6]))
"""

HEARD = """
def make(**options):
    sizes = {'input_dim': 6, 'encoding_dim': 8, 'num_symbols': 7, 'segment_length': 4,
        'right_context_length': 2, 'time_reduction_input_dim': 4, 'time_reduction_stride': 2,
        'transformer_num_heads': 2, 'transformer_ffn_dim': 9, 'transformer_num_layers': 2,
        'transformer_dropout': 0.0, 'transformer_activation': 'gelu',
        'transformer_left_context_length': 2, 'transformer_max_memory_size': 0,
        'transformer_weight_init_scale_strategy': 'depthwise', 'transformer_tanh_on_mem': True,
        'symbol_embedding_dim': 5, 'num_lstm_layers': 2, 'lstm_layer_norm': True,
        'lstm_layer_norm_epsilon': 1e-3, 'lstm_dropout': 0.0}
    seed(8)
    return shake(au.RNNT(*parts(au.emformer_rnnt_model(**{**sizes, **options}))))
def parts(model):
    return model.transcriber, model.predictor, model.joiner
x = fill(2, 14, 6)
n = torch.tensor([12, 8])
t = torch.tensor([[1, 3, 2], [4, 0, 0]])
for options in ({}, {'lstm_layer_norm': False}, {'num_lstm_layers': 1, 'lstm_dropout': 0.3},
    {'time_reduction_stride': 3, 'time_reduction_input_dim': 3, 'segment_length': 6,
    'right_context_length': 0, 'transformer_max_memory_size': 1, 'transformer_num_heads': 1}):
    m = tried(make, **options)
    out += [tried(m, x, n, t, torch.tensor([3, 1])), tried(m.transcribe, x, n),
        tried(m.predict, t, torch.tensor([3, 1]), None)]
    given = m.predict(t, torch.tensor([3, 1]), None)
    out += [m.predict(t[:, :1], torch.tensor([1, 1]), given[2]),
        m.join(fill(2, 3, 8), n, fill(2, 4, 8), n)]
    out.append([*m.state_dict()])
m = make()
state = None
for place in (0, 4, 8):
    *given, state = m.transcribe_streaming(x[:, place:place + 6], torch.tensor([6, 6]), state)
    out += [given, state]
def tell(found):
    return [[each[0], float(each[3]), each[1].detach()] for each in found]
for options in ({}, {'temperature': 0.5}, {'step_max_tokens': 2},
    {'hypo_sort_key': lambda found: -found[3]}):
    b = au.RNNTBeamSearch(m, 6, **options)
    for width in (1, 3):
        out += [tell(b(x[:1], n[:1], width)), tried(b, x, n, width)]
    found, state = b.infer(x[:1, :6], torch.tensor([6]), 2)
    out += [tell(found), state]
    found, state = b.infer(x[:1, 4:10], torch.tensor([6]), 2, state=state, hypothesis=found)
    out += [tell(found), state, tried(b.infer, x, n, 2), tell(b(x[0], n[:1], 2)),
        tell(b(x[0], n[0], 2))]
make(transformer_activation='no'), make(time_reduction_stride=5)
m.joiner(fill(2, 3, 8), n, fill(2, 4, 8), n), [each.shape for each in m.parameters()]
"""

SPLIT = """
for depth, more in ((2, {'nfft': 64}),
    (3, {'nfft': 64, 'dconv_attn': 1, 'dconv_lstm': 1, 'norm_starts': 1, 'channels': 16}),
    (2, {'nfft': 64, 'emb_smooth': False, 'freq_emb': 0.5, 'audio_channels': 1,
    'context_enc': 1}),
    (2, {'nfft': 64, 'freq_emb': 0.0, 'context': 0, 'growth': 3}),
    (2, {'nfft': 64, 'kernel_size': 6}),
    (4, {'nfft': 256, 'dconv_attn': 9, 'dconv_lstm': 2, 'dconv_depth': 1, 'norm_starts': 2}),
    (5, {'nfft': 1024, 'dconv_attn': 9, 'dconv_lstm': 3, 'norm_groups': 2})):
    seed(8)
    m = tried(au.HDemucs, ['one', 'two'], depth=depth, **{'channels': 4, **more})
    if not isinstance(m, str):
        m = shake(m, 0.05)
        sound = fill(1, more.get('audio_channels', 2), 700)
        out += [tried(m, sound), tried(m, sound[..., :420]), tried(m, sound[0]),
            len(m.state_dict())]
    out.append(m if isinstance(m, str) else repr(m))
m.sources, m.hop_length, au.hdemucs_low(['a']).nfft, [*m.state_dict()]
"""

SOUNDS = """
def make(scales=(2, 2), classes=8, hop=4, **more):
    seed(8)
    return shake(au.WaveRNN([*scales], classes, hop, **{'n_res_block': 2, 'n_rnn': 6, 'n_fc': 7,
        'kernel_size': 3, 'n_freq': 5, 'n_hidden': 6, 'n_output': 8, **more}))
for options in ({}, {'kernel_size': 5}, {'kernel_size': 4}, {'scales': (4,)}, {'n_output': 12},
    {'hop': 5}):
    m = tried(make, **options)
    size = 4 * (8 - options.get('kernel_size', 3))
    out += [tried(m, fill(2, 1, size), fill(2, 1, 5, 7)),
        tried(m, fill(2, 1, 16), fill(2, 1, 5, 7))]
    seed(3)
    out += [tried(lambda: m.infer(fill(2, 5, 3))),
        tried(lambda: m.infer(fill(2, 5, 3), torch.tensor([3, 2])))]
tried(m, fill(2, 2, 16), fill(2, 1, 5, 7)), tried(m, fill(2, 1, 16), fill(2, 2, 5, 7))
repr(make())
m = make(scales=(2, 2))
m.upsample(fill(2, 5, 7)), m.upsample.total_scale, m.upsample.resnet(fill(2, 5, 7))
m.train()(fill(2, 1, 20), fill(2, 1, 5, 7)).square().sum().backward()
[each.grad for each in m.parameters()], [*m.state_dict()]
"""

GRADED = """
for kind, more in (('LSTM', {}), ('GRU', {'chunk_stride': 5}), ('RNN', {}), ('no', {})):
    seed(8)
    m = tried(au.squim_objective_model, 8, 6, 8, 2, 6, 2, kind, 7, **more)
    if not isinstance(m, str):
        m = shake(m)
        out += [m(fill(2, 90)), m(fill(1, 50)), tried(m, fill(90)), tried(m, fill(2, 2, 90)),
            m.train()(fill(2, 90))]
        out += [[each.shape for each in m.parameters()], repr(m.branches[2])]
    out.append(m if isinstance(m, str) else type(m).__name__)
from torchaudio.models.squim import objective, subjective
[objective.transform_wb_pesq_range(x) for x in (0.5, 1.1, 2.0, 4.5)]
objective.RangeSigmoid((1, 3))(fill(3))
objective.AutoPool()(fill(2, 4, 3)), objective.AutoPool(2)(fill(2, 4, 3))
repr(objective.AutoPool(3))
class Heard(torch.nn.Module):
    def extract_features(self, waves):
        return [[waves.unfold(1, 8, 5)]]
m = shake(subjective.SquimSubjective(Heard(), torch.nn.Linear(8, 6), subjective.Predictor(12, 4)))
m(fill(2, 60), fill(2, 60)), m(fill(2, 40), fill(2, 60)), m(fill(2, 70), fill(2, 30))
m(fill(2, 60), fill(2, 40)), repr(m)
tried(subjective.squim_subjective_model, 'no', 8, 6, 4), subjective.AttPool(6, 3)
"""

LARGE = """
from unittest import mock
from torchaudio.models import rnnt
from torchaudio.models.squim import objective
from torchaudio.models.wav2vec2 import model
homes = [(model, 'wav2vec2_model', 'wav2vec2_'), (model, 'wavlm_model', 'wavlm_')]
homes += [(model, 'wav2vec2_model', 'hubert_'),
    (model, 'hubert_pretrain_model', 'hubert_pretrain_')]
homes += [(rnnt, 'emformer_rnnt_model', 'emformer_'),
    (objective, 'squim_objective_model', 'squim_')]
for home, made, start in homes:
    names = sorted(each for each in vars(home) if each.startswith(start) and '_model' not in each)
    names = [each for each in names if ('pretrain' in each) == ('pretrain' in start)]
    with mock.patch.object(home, made, dict):
        out += [[name, tried(getattr(home, name))] for name in names]
        out += [[name, tried(getattr(home, name), 7)] for name in names]
"""
"""What the models with many numbers are made of."""

LISTS = {
    "large": LARGE,
    "waves": WAVES,
    "language": LANGUAGE,
    "learned": LEARNED,
    "emformer": EMFORMER,
    "conformer": CONFORMER,
    "read": READ,
    "heard": HEARD,
    "split": SPLIT,
    "sounds": SOUNDS,
    "graded": GRADED,
}


def fill(*shape: int) -> torch.Tensor:
    """Return numbers of a shape that don't repeat."""
    count = int(torch.tensor(shape).prod())
    return torch.sin(torch.arange(count, dtype=torch.float32) * 1.37).reshape(shape)


def shake(model: torch.nn.Module, size: float = 0.2) -> torch.nn.Module:
    """Return a model for use, with other numbers in all its weights, so that each counts."""
    with torch.no_grad():
        for place, each in enumerate(model.parameters()):
            each.add_(
                size * torch.cos(torch.arange(each.numel()) * 2.1 + place).reshape(each.shape)
            )
    return model.eval()


def use_voices(name: str) -> list[Any]:
    """Return what the small models of a list give."""
    pool.set_seeds()
    models = importlib.import_module("torchaudio.models")
    return play_sums(LISTS[name], au=models, fill=fill, shake=shake)


OF_VOICES = (Family(use_voices, lambda: [*LISTS], lambda _: None),)
