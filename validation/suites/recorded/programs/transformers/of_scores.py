"""Programs with what stands around the models of transformers: scores, masks, places, words."""

from __future__ import annotations

import importlib
from typing import Any

from ... import pool
from ..families import Family
from ..steps import play_sums
from ..torchaudio.of_voices import fill
from .of_models import make_model

SCORED = """
from transformers.generation import logits_process as p, stopping_criteria as s
ids = torch.tensor([[3, 5, 7, 3, 5], [2, 2, 9, 4, 4]])
z = fill(2, 12) * 3
for text in '''MinLength(6,3);MinLength(4,[3,5]);MinLength(-1,3);MinLength(6,-3);
    MinLength(6,torch.tensor([3]));MinLength(6,2.5);MinNewTokensLength(3,4,3);
    MinNewTokensLength(3,2,[3,4]);MinNewTokensLength(-3,2,3);MinNewTokensLength(3,2,-3);
    Temperature(0.5);Temperature(0);Temperature(-1.0);Temperature('a');Temperature(2);
    RepetitionPenalty(1.5);RepetitionPenalty(0.5,2);RepetitionPenalty(-1.0);
    RepetitionPenalty(1.5,-1);RepetitionPenalty(1.5,torch.tensor([1,2]));
    RepetitionPenalty(1.5,torch.ones(2,2));RepetitionPenalty(2);
    EncoderRepetitionPenalty(1.5,ids[:,:2]);EncoderRepetitionPenalty(-1,ids);TopP(0.5);
    TopP(0.5,-9.0,2);TopP(1.5);TopP(0.5,min_tokens_to_keep=0);TopK(3);TopK(3,-9.0,5);TopK(99);
    TopK(0);TopK(2.5);TopH(0.4);TopH(1.0,-5.0);TopH(0.0);MinP(0.2);MinP(0.9,-9.0,3);MinP(1.5);
    MinP(0.2,min_tokens_to_keep=0);Typical(0.5);Typical(0.2,-9.0,3);Typical(1.5);
    Typical(0.5,min_tokens_to_keep=0);Epsilon(0.05);Epsilon(0.3,-9.0,3);Epsilon(1.5);
    Epsilon(0.1,min_tokens_to_keep=0);Eta(0.05);Eta(0.3,-9.0,3);Eta(1.5);
    Eta(0.1,min_tokens_to_keep=0);NoRepeatNGram(2);NoRepeatNGram(1);NoRepeatNGram(9);
    NoRepeatNGram(0);EncoderNoRepeatNGram(2,ids);EncoderNoRepeatNGram(3,ids[:1]);
    EncoderNoRepeatNGram(0,ids);EncoderNoRepeatNGram(2,ids[0]);
    SequenceBias({(5,):2.0,(3,5,6):-4.0,(5,7):1.0});SequenceBias([[[5],2.0],[[4,4,1],3.0]]);
    SequenceBias({});SequenceBias({5:2.0});SequenceBias({(5,):2});SequenceBias({(-5,):2.0});
    SequenceBias({():2.0});SequenceBias([[[5],2]]);SequenceBias({(50,):2.0});
    SequenceBias({(3,5,9,1,2,3,4):2.0});NoBadWords([[5],[4,6],[3,5,2]]);NoBadWords([[5],[3]],3);
    NoBadWords([]);NoBadWords([5]);NoBadWords([[-5]]);NoBadWords('a');NoBadWords([[3]],[3]);
    PrefixConstrained(lambda&n,x:[1,2+n],1);PrefixConstrained(lambda&n,x:[],1);
    PrefixConstrained(lambda&n,x:[len(x)],2);ForcedBOSToken(4);ForcedEOSToken(6,3);
    ForcedEOSToken(6,[3,4]);ForcedEOSToken(9,3);ForcedEOSToken(6,-3);InfNanRemove();
    ExponentialDecayLengthPenalty((1,1.5),3,2);ExponentialDecayLengthPenalty((9,1.5),[3,4],2);
    ExponentialDecayLengthPenalty((1,1.5),-3,2);LogitNormalization();
    SuppressTokensAtBegin([3,4],5);SuppressTokensAtBegin([3,4],2);SuppressTokens([1,2]);
    SuppressTokens([]);ClassifierFreeGuidance(1.5);ClassifierFreeGuidance(0.5);
    AlternatingCodebooks(1,4,4);AlternatingCodebooks(2,4,4);AlternatingCodebooks(-1,4,4);
    BarkEosPrioritizer(3,0.01);BarkEosPrioritizer([3],0.9);BarkEosPrioritizer(3,-1);
    BarkEosPrioritizer(-3,0.1);BarkEosPrioritizer(3,None);Watermark(12,'cpu');
    Watermark(12,'cpu',0.5,1.0,7,'selfhash',2);Watermark(12,'cpu',seeding_scheme='no');
    Watermark(12,'cpu',1.5);Watermark(12,'cpu',0.4,2.0,15485863,'lefthash',3);
    SynthIDTextWatermark(3,[1,2,3],16,0,8,'cpu');SynthIDTextWatermark(2,[4,5],8,1,4,'cpu',True);
    SynthIDTextWatermark(3,[1,2,3],16,0,8,'cpu',debug_mode=True);DiaClassifierFreeGuidance(1.5);
    DiaClassifierFreeGuidance(2.0,3);DiaClassifierFreeGuidance(1.0);
    DiaClassifierFreeGuidance(2.0,0);DiaEOSChannelFilter(2,3);DiaEOSChannelFilter(0,3);
    DiaEOSChannelFilter(1,0);DiaEOSDelayPattern([0,1],3,6);
    DiaEOSDelayPattern([0,2],3,4)'''.replace(chr(10), '').split(';'):
    name, rest = text.strip().replace('&', ' ').split('(', 1)
    kind = getattr(p, name + 'LogitsProcessor',
        getattr(p, name + 'LogitsWarper', getattr(p, name, None)))
    made = ask(lambda: eval('kind(' + rest, {'kind': kind, 'torch': torch, 'ids': ids}))
    out += [text, made if isinstance(made, str) else type(made).__name__]
    if not isinstance(made, str):
        out += [tried(lambda: made(ids, z.clone())), tried(lambda: made(ids[:, :1], z.clone())),
            tried(lambda: made(torch.cat([ids, ids], 1), z.clone() * 0.3)),
            tried(lambda: made(ids.repeat(2, 1), torch.cat([z, -z])))]
bad = z.clone()
bad[0, 3], bad[1, 2], bad[0, 1] = np.nan, np.inf, -np.inf
p.InfNanRemoveLogitsProcessor()(ids, bad), p.LogitNormalization()(ids, bad)
class Named(dict):
    __getattr__ = dict.get
for options in ({}, {'_detect_timestamp_from_logprob': False},
    {'_detect_timestamp_from_logprob': True}):
    for first in (None, 1, 4):
        m = p.WhisperTimeStampLogitsProcessor(Named(no_timestamps_token_id=7, eos_token_id=3,
            bos_token_id=2, max_initial_timestamp_index=first), 2, **options)
        for begun in ([2, 4], [2, 4, 8], [2, 4, 8, 9], [2, 4, 8, 1], [2, 4, 1, 9, 9]):
            out.append(tried(lambda: m(torch.tensor([begun]), z[:1].clone())))
m = p.LogitsProcessorList([p.TopKLogitsWarper(4), p.TemperatureLogitsWarper(0.5)])
m(ids, z), p.LogitsProcessorList([lambda ids, z, more: z * more])(ids, z, more=2)
ask(lambda: p.LogitsProcessorList([lambda ids, z, more: z * more])(ids, z))
ask(lambda: p.LogitsProcessor()(ids, z))
net = make_model('gpt2')
for options in ({}, {'unconditional_ids': ids[:, :2]}, {'use_cache': False},
    {'unconditional_ids': ids[:, :2], 'unconditional_attention_mask': torch.ones(2, 2).long()}):
    m = p.UnbatchedClassifierFreeGuidanceLogitsProcessor(1.5, net, **options)
    out += [tried(lambda: m(ids, fill(2, 40))),
        tried(lambda: m(torch.cat([ids, ids[:, :1]], 1), fill(2, 40)))]
m = p.WhisperNoSpeechDetection(3, 2)
m.set_model(net), tried(lambda: m(ids[:, :2], z)), m.no_speech_prob, m.set_inputs({'a': 1})
m.inputs['a']
m = p.SynthIDTextWatermarkLogitsProcessor(3, [1, 2, 3], 16, 0, 8, 'cpu')
long = torch.tensor([[3, 5, 7, 3, 5, 7, 1, 2], [2, 2, 9, 4, 4, 9, 9, 1]])
m.compute_g_values(long), m.compute_context_repetition_mask(long)
m.compute_eos_token_mask(long, 7), m.compute_ngram_keys(long.unfold(1, 3, 1))
m.expected_mean_g_value(12), m.expected_mean_g_value(12, 0.3), m.compute_ngram_keys(long)
m.compute_eos_token_mask(long[0], 7), m.update_scores(z.softmax(-1), torch.ones(2, 12, 3))
m.update_scores_distortionary(z.softmax(-1), torch.ones(2, 12, 3), 3)
m.sample_g_values(m.compute_ngram_keys(long.unfold(1, 3, 1)))
from transformers.generation import watermarking as w
for config in ({'bias': 2.0, 'greenlist_ratio': 0.5},
    {'context_width': 2, 'seeding_scheme': 'selfhash'}, {'context_width': 3}, {'no': 1}):
    for options in ({}, {'ignore_repeated_ngrams': True}):
        d = tried(lambda: w.WatermarkDetector(Named(vocab_size=12, is_encoder_decoder=False,
            bos_token_id=3), 'cpu', config, **options))
        out += [tried(lambda: vars(d(long, return_dict=True))),
            tried(lambda: d(long, z_threshold=0.5)), tried(lambda: d(long[:, :2]))]
config = w.BayesianDetectorConfig(watermarking_depth=3, base_rate=0.4)
config.set_detector_information('a', {'b': 1})
seed()
net = w.BayesianDetectorModel(config).eval()
g, mask = (fill(2, 6, 3) > 0).float(), torch.ones(2, 6)
net(g, mask), net(g, mask, torch.tensor([1.0, 0.0])), net(g, mask, torch.tensor([1.0, 0.0]), 2.0)
net(g, mask, return_dict=False), config.to_diff_dict()['base_rate']
net.likelihood_model_watermarked(g), config.model_name
class Words:
    eos_token_id = 7
w.SynthIDTextWatermarkDetector(net, m, Words())(long)
for made in (s.MaxLengthCriteria(5), s.MaxLengthCriteria(3, 9), s.MaxTimeCriteria(0.0, 1.0),
    s.MaxTimeCriteria(9e9), s.EosTokenCriteria(5), s.EosTokenCriteria([4, 5]),
    s.EosTokenCriteria(torch.tensor([4])), s.StoppingCriteriaList([s.MaxLengthCriteria(5),
    s.EosTokenCriteria(3)]), s.StoppingCriteriaList(),
    s.StoppingCriteriaList([s.MaxTimeCriteria(9e9)])):
    out += [tried(lambda: made(ids, z)), tried(lambda: made(ids[:, :4], z)),
        tried(lambda: made.max_length)]
s.ConfidenceCriteria(0.1)(ids, (z,)), s.ConfidenceCriteria(0.99)(ids, (z,))
s.validate_stopping_criteria(s.StoppingCriteriaList([s.MaxLengthCriteria(5)]), 5)[0].max_length
note(lambda: len(s.validate_stopping_criteria(s.StoppingCriteriaList([s.MaxLengthCriteria(5)]),
    4))), len(s.validate_stopping_criteria(s.StoppingCriteriaList(), 4))
"""

PLACED = """
import transformers as t
from transformers import modeling_rope_utils as r, modeling_attn_mask_utils as a, masking_utils as m
sizes = {'hidden_size': 16, 'num_hidden_layers': 2, 'num_attention_heads': 2,
    'num_key_value_heads': 2, 'vocab_size': 30, 'intermediate_size': 24,
    'max_position_embeddings': 32}
for given in ({'rope_type': 'default'}, {'rope_type': 'linear', 'factor': 2.0},
    {'rope_type': 'dynamic', 'factor': 2.0}, {'rope_type': 'yarn', 'factor': 4.0},
    {'rope_type': 'yarn', 'factor': 4.0, 'attention_factor': 0.7, 'beta_fast': 16,
    'beta_slow': 2}, {'rope_type': 'yarn', 'factor': 4.0, 'mscale': 0.7, 'mscale_all_dim': 0.5},
    {'rope_type': 'yarn', 'factor': 4.0, 'truncate': False,
    'original_max_position_embeddings': 16},
    {'rope_type': 'longrope', 'short_factor': [1.0, 1.1, 1.2, 1.3], 'long_factor': [2.0, 2.1, 2.2,
    2.3], 'original_max_position_embeddings': 8}, {'rope_type': 'longrope',
    'short_factor': [1.0] * 4, 'long_factor': [2.0] * 4, 'factor': 3.0, 'attention_factor': 1.4},
    {'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0,
    'original_max_position_embeddings': 16}, {'rope_type': 'proportional', 'factor': 2.0},
    {'rope_type': 'no'}, {'rope_type': 'linear'}, {'rope_type': 'linear', 'factor': 0.5},
    {'rope_type': 'linear', 'factor': 'x'}, {'rope_type': 'yarn', 'factor': 4.0, 'beta_fast': 1,
    'beta_slow': 2}, {'rope_type': 'yarn', 'factor': 4.0, 'attention_factor': -1.0},
    {'rope_type': 'yarn', 'factor': 4.0, 'beta_fast': 'x'}, {'rope_type': 'longrope',
    'short_factor': [1.0], 'long_factor': [2.0] * 4, 'factor': 3.0}, {'rope_type': 'longrope',
    'short_factor': 3, 'long_factor': 4}, {'rope_type': 'llama3', 'factor': 8.0,
    'low_freq_factor': 4.0, 'high_freq_factor': 1.0, 'original_max_position_embeddings': 64},
    {'rope_type': 'dynamic', 'factor': 2.0, 'no': 3}, {'type': 'linear', 'factor': 2.0},
    {'rope_type': 'default', 'partial_rotary_factor': 0.5}, {'rope_type': 'dynamic',
    'factor': 2.0, 'alpha': 3.0}):
    for base in (10000.0, 500.0):
        config = note(lambda: tried(lambda: t.LlamaConfig(**sizes,
            rope_parameters={'rope_theta': base, **given})))
        out += [str(given), config[1], tried(lambda: config[0].rope_parameters)]
        for length in (None, 8, 64):
            called = r.ROPE_INIT_FUNCTIONS.get(given.get('rope_type'), None)
            out.append(tried(lambda: called(config[0], 'cpu', seq_len=length)))
        if base == 500.0:
            net = tried(lambda: t.models.llama.modeling_llama.LlamaRotaryEmbedding(config[0]))
            for places in (torch.arange(6), torch.arange(50), torch.arange(4)):
                out.append(tried(lambda: net(fill(1, len(places), 16), places[None])))
sorted(r.ROPE_INIT_FUNCTIONS)
pad = torch.tensor([[1, 1, 1, 0], [0, 1, 1, 1]])
for causal, window in ((True, None), (True, 2), (False, None), (True, 0), (False, 2)):
    c = tried(a.AttentionMaskConverter, causal, window)
    out += [tried(lambda: c.to_causal_4d(2, 3, 4, torch.float32)),
        tried(lambda: c.to_4d(pad, 4, torch.float32, 4)), tried(lambda: c.to_4d(pad, 2,
        torch.float32, 4)), tried(lambda: c.to_4d(pad, 4, torch.float32))]
    for mask in (pad, pad * 0 + 1, None, pad[:, None, None].expand(2, 1, 4, 4).float(),
        pad[:, None]):
        for past in (0, 2):
            x = fill(2, 4 - past if mask is not None else 4, 3)
            out += [tried(lambda: a._prepare_4d_causal_attention_mask(mask, (2, x.shape[1]), x,
                past, window)), tried(lambda: a._prepare_4d_causal_attention_mask_for_sdpa(mask,
                (2, x.shape[1]), x, past, window))]
a._prepare_4d_attention_mask(pad, torch.float32)
a._prepare_4d_attention_mask(pad, torch.float16, 3)
a._prepare_4d_attention_mask_for_sdpa(pad, torch.float32)
a._prepare_4d_attention_mask_for_sdpa(pad * 0 + 1, torch.float32, 3)
a._create_4d_causal_attention_mask((2, 3), torch.float32, 'cpu', 2)
a._create_4d_causal_attention_mask((2, 3), torch.float32, 'cpu', sliding_window=2)
a.AttentionMaskConverter._unmask_unattended(a._prepare_4d_attention_mask(pad * 0, torch.float32),
    -3.4e38)
w = t.MistralConfig(**sizes, sliding_window=2)
def in_order(given):
    return sorted(given.items()) if isinstance(given, dict) else given
class Chunked:
    attention_chunk_size = num_hidden_layers = 2
    _attn_implementation = 'eager'
    layer_types = ['chunked_attention', 'full_attention']
    is_encoder_decoder = is_causal = False
    def get_text_config(self, *_, **__):
        return self
for config in (w, Chunked()):
    for way in ('eager', 'sdpa', 'no'):
        config._attn_implementation = way
        for mask in (pad, None, pad * 0 + 1, pad.bool(), torch.zeros(2, 1, 4, 4)):
            for steps in (4, 1):
                x = fill(2, steps, 16)
                for called in (m.create_causal_mask, m.create_sliding_window_causal_mask,
                    m.create_chunked_causal_mask, m.create_bidirectional_mask,
                    m.create_bidirectional_sliding_window_mask, m.create_masks_for_generate):
                    rest = {} if 'bidir' in called.__name__ else {'past_key_values': None}
                    out.append(tried(lambda: in_order(called(config, inputs_embeds=x,
                        attention_mask=mask,
                        **rest))))
w._attn_implementation = 'eager'
for places in (torch.tensor([[0, 1, 0, 1], [0, 0, 1, 2]]), torch.arange(4)[None].expand(2, 4)):
    out += [m.find_packed_sequence_indices(places),
        tried(lambda: m.create_causal_mask(w, inputs_embeds=fill(2, 4, 16), attention_mask=None,
        past_key_values=None, position_ids=places))]
for extra in ({'or_mask_function': lambda b, h, q, k: k == 3},
    {'and_mask_function': lambda b, h, q, k: k != 1}):
    for called in (m.create_causal_mask, m.create_sliding_window_causal_mask,
        m.create_bidirectional_mask):
        out.append(tried(lambda: called(w, inputs_embeds=fill(2, 4, 16), attention_mask=pad,
            **({} if 'bidir' in called.__name__ else {'past_key_values': None}), **extra)))
q, k = torch.arange(4)[:, None], torch.arange(4)[None]
for made in (m.causal_mask_function, m.bidirectional_mask_function, m.sliding_window_overlay(2),
    m.sliding_window_causal_mask_function(2), m.sliding_window_bidirectional_mask_function(3),
    m.and_masks(m.causal_mask_function, m.sliding_window_overlay(2)),
    m.or_masks(m.causal_mask_function, lambda b, h, q, k: k == 3)):
    out += [tried(made, 0, 0, q, k),
        tried(lambda: m.add_offsets_to_mask_function(made, 1, 2)(0, 0, q, k))]
m.and_masks(3), m.or_masks(3), m.padding_mask_function(pad.bool())(1, 0, 2, 0)
m.packed_sequence_mask_function(pad)(1, 0, 2, 0), m.prepare_padding_mask(pad, 6, 0)
m.prepare_padding_mask(None, 6, 0), m.prepare_padding_mask(pad, 3, 1)
m.ALL_MASK_ATTENTION_FUNCTIONS.valid_keys()[:3]
"""

HEARD = """
import transformers as t
from transformers import audio_utils as u
x = fill(600).numpy().astype(float)
for text in '''hertz_to_mel(440.0);hertz_to_mel(440.0,'slaney');
    hertz_to_mel(np.array([100.0,3000.0]),'kaldi');hertz_to_mel(440.0,'no');mel_to_hertz(5.0);
    mel_to_hertz(np.array([5.0,30.0]),'slaney');mel_to_hertz(5.0,'kaldi');mel_to_hertz(5.0,'no');
    hertz_to_octave(440.0);hertz_to_octave(np.array([100.0,440.0]),0.1,24);
    chroma_filter_bank(17,6,8000);chroma_filter_bank(17,12,8000,0.2,None,None,False);
    chroma_filter_bank(17,12,8000,power=1.0,weighting_parameters=(4.0,1.0));
    mel_filter_bank(9,4,0.0,4000.0,8000);mel_filter_bank(9,4,0.0,4000.0,8000,'slaney','slaney');
    mel_filter_bank(9,4,0.0,4000.0,8000,None,'kaldi',True);
    mel_filter_bank(9,4,0.0,4000.0,8000,'no');mel_filter_bank(1,4,0.0,4000.0,8000);
    mel_filter_bank(9,4,5000.0,4000.0,8000);mel_filter_bank(9,4,0.0,4000.0,8000,mel_scale='no');
    optimal_fft_length(400);optimal_fft_length(33);
    window_function(8);window_function(8,'hamming');window_function(8,'hamming_window',False);
    window_function(8,'boxcar');window_function(8,'povey');window_function(8,'no');
    window_function(8,'hann',True,12);window_function(8,'hann',True,12,False);
    window_function(8,'hann',True,6);power_to_db(x[:9]**2);power_to_db(x[:9]**2,0.1,1e-4,20.0);
    power_to_db(x[:9],0.0);power_to_db(x[:9],1.0,-1);power_to_db(x[:9],1.0,1e-3,-3);
    amplitude_to_db(np.abs(x[:9]));amplitude_to_db(np.abs(x[:9]),0.1,1e-4,20.0);
    amplitude_to_db(x[:9],0.0);amplitude_to_db(x[:9],1.0,-1);amplitude_to_db(x[:9],1.0,1e-3,-3);
    power_to_db_batch(x[None,:9]**2);power_to_db_batch(x[None,:9]**2,0.1,1e-4,20.0);
    power_to_db_batch(x[None],0.0);amplitude_to_db_batch(np.abs(x[None,:9]));
    amplitude_to_db_batch(np.abs(x[None,:9]),0.1,1e-4,20.0);amplitude_to_db_batch(x[None],-1);
    is_valid_audio(x);is_valid_audio('a');is_valid_audio([1.0]);is_valid_list_of_audio([x]);
    is_valid_list_of_audio([]);make_list_of_audio(x);make_list_of_audio([x,x]);
    make_list_of_audio('a');make_list_of_audio(torch.ones(3));
    make_list_of_audio([torch.ones(3)]);
    make_list_of_audio([[1.0,2.0]])'''.replace(chr(10), '').split(';'):
    out += [text.strip(),
        ask(lambda: eval(text.strip(), {**vars(u), 'x': x, 'np': np, 'torch': torch}))]
wnd = u.window_function(32)
bank = u.mel_filter_bank(17, 5, 0.0, 4000.0, 8000)
for options in ({}, {'power': None}, {'power': 2.0, 'mel_filters': bank}, {'fft_length': 64},
    {'center': False}, {'pad_mode': 'constant'}, {'onesided': False}, {'preemphasis': 0.9},
    {'power': 2.0, 'log_mel': 'log', 'mel_filters': bank}, {'power': 2.0, 'log_mel': 'log10',
    'mel_filters': bank}, {'log_mel': 'dB', 'mel_filters': bank}, {'power': 2.0, 'log_mel': 'dB',
    'mel_filters': bank, 'db_range': 20.0}, {'log_mel': 'no', 'mel_filters': bank}, {'power': 3.0,
    'log_mel': 'dB', 'mel_filters': bank},
    {'remove_dc_offset': True}, {'dither': 0.1}, {'mel_floor': 0.5, 'mel_filters': bank},
    {'dtype': np.float64}, {'fft_length': 16}, {'frame_length': 30}, {'hop_length': 0},
    {'reference': 0.5, 'min_value': 1e-4, 'log_mel': 'dB', 'mel_filters': bank, 'power': 2.0}):
    given = {'frame_length': 32, 'hop_length': 16, **options}
    np.random.seed(3)
    out += [str(sorted(options)), ask(lambda: u.spectrogram(x, wnd, **given)),
        ask(lambda: u.spectrogram_batch([x, x[:300]], wnd, **{**given,
        **({'frame_length': 32} if 'frame_length' in options else {})}))]
tried(u.spectrogram, x[None], wnd, 32, 16), tried(u.spectrogram, x.astype(complex), wnd, 32, 16)
from transformers import image_utils as i, image_transforms as v
a = (np.arange(2 * 3 * 4 * 3).reshape(2, 3, 4, 3) * 3 % 256).astype(np.uint8)
import PIL.Image
one = PIL.Image.fromarray(a[0])
names = {'AF': i.AnnotationFormat, **vars(i), **vars(v), 'a': a, 'one': one, 'np': np,
    'torch': torch,
    'b': a[0].astype(float) / 255}
for text in '''is_pil_image(one);is_valid_image(one);is_valid_image('a');is_valid_image(a);
    get_image_type(one);get_image_type(torch.ones(2));get_image_type(3);valid_images([one,a]);
    valid_images([one,'a']);is_batched([one]);is_batched([]);is_scaled_image(b);
    is_scaled_image(a);make_list_of_images(one);make_list_of_images(a);make_list_of_images(a[0]);
    make_list_of_images([one]);make_list_of_images('a');make_list_of_images(np.ones(3));
    make_flat_list_of_images([[one],[one,one]]);make_flat_list_of_images(a);
    make_flat_list_of_images(a[None]);make_flat_list_of_images([a,a]);
    make_flat_list_of_images('a');make_nested_list_of_images(one);
    make_nested_list_of_images([one,one]);make_nested_list_of_images([[one],[one]]);
    make_nested_list_of_images(a);make_nested_list_of_images('a');to_numpy_array(one);
    to_numpy_array('a');
    infer_channel_dimension_format(a[0]);infer_channel_dimension_format(a[0].transpose(2,0,1));
    infer_channel_dimension_format(np.ones((5,5)));
    infer_channel_dimension_format(np.ones((5,5,5)));
    infer_channel_dimension_format(np.ones((3,4,3)));
    infer_channel_dimension_format(np.ones((2,4,4)),2);infer_channel_dimension_format(a);
    get_channel_dimension_axis(a[0]);get_channel_dimension_axis(a[0],'channels_first');
    get_image_size(a[0]);get_image_size(a[0],'channels_first');get_image_size(a[0],'no');
    get_image_size_for_max_height_width((30,40),20,20);
    get_image_size_for_max_height_width((30,40),20,60);max_across_indices([[1,5],[3,2]]);
    get_max_height_width([a[0],np.ones((5,2,3))]);
    get_max_height_width([np.ones((3,5,2))],'channels_first');get_max_height_width([a[0]],'no');
    validate_preprocess_arguments(do_rescale=True);
    validate_preprocess_arguments(do_normalize=True);
    validate_preprocess_arguments(do_resize=True);
    validate_preprocess_arguments(do_center_crop=True);
    validate_preprocess_arguments(do_pad=True);
    validate_preprocess_arguments(do_rescale=True,rescale_factor=0.5,do_normalize=True,image_mean=0,image_std=1);

    validate_annotations(AF.COCO_DETECTION,(AF.COCO_DETECTION,),[{'image_id':1,'annotations':[]}]);

    validate_annotations(AF.COCO_DETECTION,(AF.COCO_PANOPTIC,),[]);
    validate_annotations(AF.COCO_DETECTION,(AF.COCO_DETECTION,),[{'a':1}]);

    validate_annotations(AF.COCO_PANOPTIC,(AF.COCO_PANOPTIC,),[{'image_id':1,'segments_info':[],'file_name':'a'}]);

    validate_annotations(AF.COCO_PANOPTIC,(AF.COCO_PANOPTIC,),[{'a':1}]);


    load_image(one);load_image('no');load_image(3);load_images([one,one]);load_images([[one]]);
    load_image('data:image/png;base64,AAA');SizeDict(height=3)['height'];
    SizeDict(height=3).get('width',4);dict(SizeDict(height=3,width=4));
    SizeDict(height=3)==SizeDict(height=3);SizeDict(height=3)|{'width':2};
    'height'&in&SizeDict(height=3);hash(SizeDict(height=3))==hash(SizeDict(height=3));
    to_channel_dimension_format(a[0],'channels_first');to_channel_dimension_format(a[0],'no');
    to_channel_dimension_format(a[0],'channels_last');rescale(a[0],0.5);
    rescale(a[0],0.5,'channels_first');rescale('a',0.5);to_pil_image(a[0]);to_pil_image(b);
    to_pil_image(b,False);to_pil_image(a[0][...,:1]);to_pil_image('a');to_pil_image(b*9);
    get_resize_output_image_size(a[0],5);get_resize_output_image_size(a[0],(5,6));
    get_resize_output_image_size(a[0],5,False);get_resize_output_image_size(a[0],5,False,6);
    get_resize_output_image_size(a[0],5,False,5);get_resize_output_image_size(a[0],(5,),False);
    get_resize_output_image_size(a[0],(1,2,3));resize(a[0],(5,6));
    resize(a[0],(5,6),2,return_numpy=False).size;resize(b,(5,6),0,data_format='channels_first');
    resize(a[0],(5,));resize(a[0],(5,6),reducing_gap=2.0);normalize(a[0],0.5,0.2);
    normalize(a[0],[0.5,0.4,0.3],[1,2,3],'channels_first');normalize(a[0],[0.5],[1]);
    normalize(a[0],0.5,[1]);normalize('a',1,1);center_crop(a[0],(2,2));center_crop(a[0],(5,6));
    center_crop(a[0],(2,6),'channels_first');center_crop(a[0],3);center_crop('a',(1,2));
    center_crop(a[0],(1,3));
    center_to_corners_format(np.array([[0.5,0.5,0.2,0.4]]));
    center_to_corners_format(torch.tensor([[0.5,0.5,0.2,0.4]]));center_to_corners_format('a');
    corners_to_center_format(np.array([[0.4,0.3,0.6,0.7]]));
    corners_to_center_format(torch.tensor([[0.4,0.3,0.6,0.7]]));corners_to_center_format(3);
    rgb_to_id(a[0]);rgb_to_id([3,4,5]);id_to_rgb(np.array([[300,5]]));id_to_rgb(70000);
    pad(a[0],1);pad(a[0],(1,2));pad(a[0],((1,2),(0,1)));pad(a[0],((1,2),),'reflect');
    pad(a[0],1,'replicate');pad(a[0],1,'symmetric');pad(a[0],1,'no');
    pad(a[0],1,constant_values=7);pad(a[0],1,constant_values=(7,8));
    pad(a[0],1,data_format='channels_first');pad(a[0],'x');pad(a[0],(1,2,3));convert_to_rgb(one);
    convert_to_rgb(a[0]);convert_to_rgb(one.convert('L')).mode;flip_channel_order(a[0]);
    flip_channel_order(a[0],'channels_first');flip_channel_order(np.ones((2,2,2)));
    PaddingMode('reflect').value;PaddingMode('no');
    group_images_by_shape([torch.ones(3,2,2),torch.ones(3,4,4),torch.zeros(3,2,2)]);
    group_images_by_shape([torch.ones(3,2,2)],disable_grouping=True);
    split_to_tiles(torch.arange(48).reshape(1,3,4,4),2,2);get_size_with_aspect_ratio((30,40),20);
    get_size_with_aspect_ratio((30,40),20,25)'''.replace(chr(10), '').split(';'):
    given = ask(lambda: eval(text.strip().replace('&', ' '), names))
    out += [text.strip(),
        np.asarray(given) if hasattr(given, 'getbands') else [np.asarray(each) if hasattr(each,
        'getbands') else each for each in given] if isinstance(given, list) else given]
"""

LISTS = {"scored": SCORED, "placed": PLACED, "heard": HEARD}


def use_scores(name: str) -> list[Any]:
    """Return what the steps of a list with parts of transformers give."""
    pool.set_seeds()
    importlib.import_module("transformers")
    return play_sums(LISTS[name], fill=fill, make_model=make_model)


OF_SCORES = (Family(use_scores, lambda: [*LISTS], lambda _: None),)
