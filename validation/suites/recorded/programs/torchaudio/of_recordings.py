"""Programs with the data sets of torchaudio from made folders."""

from __future__ import annotations

import importlib
import zlib
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from ..families import Family
from ..telling import attempt

FOLDERS = """
arctic ARCTIC/cmu_us_aew_arctic/etc/txt.done.data=(&arctic_a0001&"One&word."&)
arctic ARCTIC/cmu_us_aew_arctic/etc/txt.done.data=|(&arctic_b0002&"Two."&)
arctic ARCTIC/cmu_us_aew_arctic/wav/arctic_a0001.wav ARCTIC/cmu_us_aew_arctic/wav/arctic_b0002.wav
words cmudict-0.7b=;;;&note|!EXCLAMATION-POINT&&EH2&K|...ELLIPSIS&&IH0&L|--DASH&&D&AE1|A(1)&&EY1
words cmudict-0.7b=|AB&&AE1&B
words cmudict-0.7b.symbols=AA|AE1
device DR-VCTK/DR-VCTK/configurations/train_ch_log.txt=x|y|p1_2.wav@mic@3|p1_1.wav@tab@1
device DR-VCTK/DR-VCTK/configurations/test_ch_log.txt=x|p2_7.wav@mic@4
device DR-VCTK/DR-VCTK/clean_trainset_wav_16k/p1_1.wav
device DR-VCTK/DR-VCTK/clean_trainset_wav_16k/p1_2.wav
device DR-VCTK/DR-VCTK/device-recorded_trainset_wav_16k/p1_1.wav
device DR-VCTK/DR-VCTK/device-recorded_trainset_wav_16k/p1_2.wav
fluent fluent_speech_commands_dataset/data/train_data.csv=,path,a,b,c,d,e
fluent fluent_speech_commands_dataset/data/train_data.csv=|0,wavs/s/k1/u1.wav,k1,Go,go,none,hall
fluent fluent_speech_commands_dataset/data/test_data.csv=,path,a,b,c,d,e
fluent fluent_speech_commands_dataset/data/test_data.csv=|0,w/u2.wav,k2,Stop,stop,tv,hall
fluent fluent_speech_commands_dataset/wavs/speakers/k1/u1.wav
fluent fluent_speech_commands_dataset/wavs/speakers/k2/u2.wav
music genres/blues/blues.00029.wav genres/blues/blues.00001.wav genres/jazz/jazz.00000.wav
music genres/jazz/jazz.1.wav
music genres/jazz/rock.00003.txt genres/pop/other.00001.wav genres/blues/blues.abcde.wav
libri LibriSpeech/dev-clean/12/3/12-3.trans.txt=12-3-0001&ONE&TWO|12-3-0002&THREE
libri LibriSpeech/dev-clean/12/3/12-3-0001.flac LibriSpeech/dev-clean/12/3/12-3-0002.flac
libri LibriSpeech/dev-clean/12/3/12-3-0009.flac
tts LibriTTS/dev-clean/8/9/8_9_1_2.wav LibriTTS/dev-clean/8/9/8_9_1_2.original.txt=It&is.
tts LibriTTS/dev-clean/8/9/8_9_1_2.normalized.txt=it&is
lj LJSpeech-1.1/metadata.csv=LJ1|c1 LJSpeech-1.1/wavs/LJ1.wav
yes waves_yesno/0_1_1.wav waves_yesno/1_0_1.wav waves_yesno/x.txt
speech SpeechCommands/speech_commands_v0.02/up/ab_nohash_0.wav
speech SpeechCommands/speech_commands_v0.02/up/cd_nohash_1.wav
speech SpeechCommands/speech_commands_v0.02/down/ef_nohash_0.wav
speech SpeechCommands/speech_commands_v0.02/down/x.wav
speech SpeechCommands/speech_commands_v0.02/_background_noise_/ef_nohash_0.wav
speech SpeechCommands/speech_commands_v0.02/validation_list.txt=up/cd_nohash_1.wav
speech SpeechCommands/speech_commands_v0.02/testing_list.txt=down/ef_nohash_0.wav
voice train.tsv=client_id@path@sentence|a@one.mp3@Hello|b@two@You clips/one.mp3 clips/two.mp3
voice bad.tsv=a@b|c@d
vctk VCTK-Corpus-0.92/txt/p225/p225_001.txt=Please. VCTK-Corpus-0.92/txt/p280/p280_001.txt=No.
vctk VCTK-Corpus-0.92/txt/p362/p362_001.txt=Maybe. VCTK-Corpus-0.92/txt/p362/p362_002.txt=Yes.
vctk VCTK-Corpus-0.92/wav48_silence_trimmed/p225/p225_001_mic2.flac
vctk VCTK-Corpus-0.92/wav48_silence_trimmed/p225/p225_001_mic1.flac
vctk VCTK-Corpus-0.92/wav48_silence_trimmed/p280/p280_001_mic1.flac
vctk VCTK-Corpus-0.92/wav48_silence_trimmed/p362/p362_002_mic2.flac
quest quesst14Database/scoring/language_key_utterances.lst=q/Audio/a1.wav&nnenglish
quest quesst14Database/scoring/language_key_utterances.lst=|q/Audio/a2.wav&czech
quest quesst14Database/scoring/language_key_dev.lst=q/dev_queries/d1.wav&nnenglish
quest quesst14Database/scoring/language_key_eval.lst=q/eval/e1.wav&albanian
quest quesst14Database/Audio/a1.wav quesst14Database/Audio/a2.wav
quest quesst14Database/dev_queries/d1.wav
snips SNIPS/all.iob.snips.txt=Aditi-snips-train-0&BOS&play&it&EOS@O&O&B-x&O@PlayMusic
snips SNIPS/all.iob.snips.txt=|Ivy-snips-test-1&BOS&go&EOS@O&O&O@Go
snips SNIPS/train/Aditi-snips-train-0.mp3 SNIPS/test/Ivy-snips-test-1.wav
snips SNIPS/test/Amy-snips-test-2.mp3
moods IEMOCAP/Session1/dialog/EmoEvaluation/Ses01F_impro01.txt=note|[1]@Ses01F_impro01_F000@neu@x
moods IEMOCAP/Session1/dialog/EmoEvaluation/Ses01F_impro01.txt=|[1]@Ses01F_none@sad|
moods IEMOCAP/Session1/dialog/EmoEvaluation/Ses01F_script01.txt=[1]@Ses01F_script01_F000@xxx@x
moods IEMOCAP/Session1/dialog/EmoEvaluation/Ses01F_script01.txt=|[1]@Ses01F_script01_M001@ang@x
moods IEMOCAP/Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav
moods IEMOCAP/Session1/sentences/wav/Ses01F_script01/Ses01F_script01_F000.wav
moods IEMOCAP/Session1/sentences/wav/Ses01F_script01/Ses01F_script01_M001.wav
stars iden_split.txt=1&id10001/a/1.wav|3&id10002/b/2.wav|2&id10003/c/3.wav
stars veri_test.txt=1&id10001/a/1.wav&id10002/b/2.wav
stars wav/id10001/a/1.wav wav/id10002/b/2.wav wav/id10003/c/3.wav
mixed Libri2Mix/wav8k/min/dev/mix_clean/a.wav=8000 Libri2Mix/wav8k/min/dev/s1/a.wav=8000
mixed Libri2Mix/wav8k/min/dev/s2/a.wav=8000 Libri2Mix/wav8k/min/dev/mix_both/a.wav=8000
mixed Libri2Mix/wav16k/max/dev/mix_single/b.wav=8000 Libri2Mix/wav16k/max/dev/s1/b.wav
mixed Libri2Mix/wav16k/max/dev/s2/b.wav
limited librispeech_finetuning/1h/0/clean/11/22/11-22.trans.txt=11-22-0001&HI
limited librispeech_finetuning/1h/0/clean/11/22/11-22-0001.flac
songs musdb18hq/train/One/bass.wav=44100 musdb18hq/train/One/drums.wav=44100
songs musdb18hq/train/One/other.wav=44100
songs musdb18hq/train/One/vocals.wav=44100 musdb18hq/train/Two/bass.wav=44100
songs musdb18hq/train/Two/drums.wav=8000
talks TEDLIUM_release1/dev/stm/Al.stm=Al&1&Al&0.0&0.1&<o>&hello&you|Al&1&Al&0.1&0.2&<o>&bye
talks TEDLIUM_release1/dev/sph/Al.sph
talks TEDLIUM_release1/TEDLIUM.150K.dic=hi&HH&AY
bias LibriSpeech/dev-clean/12/3/12-3.trans.txt=12-3-0001&ONE&TWO
bias LibriSpeech/dev-clean/12/3/12-3-0001.flac
"""
"""By data set: files with what is in them; `&` is a space, `|` ends a line, `@` is a tab."""

READ = """
arctic CMUARCTIC(".") CMUARCTIC(".",url="ahw") CMUARCTIC(".",folder_in_archive="other")
words CMUDict(".") CMUDict(".",exclude_punctuations=False) CMUDict("no") CMUDict(".",url="x/none")
device DR_VCTK(".") DR_VCTK(".",subset="test") DR_VCTK(".",subset="no") DR_VCTK("no")
fluent FluentSpeechCommands(".") FluentSpeechCommands(".","test") FluentSpeechCommands(".","no")
fluent FluentSpeechCommands("no") FluentSpeechCommands(".","valid")
music GTZAN(".") GTZAN(".",subset="training") GTZAN(".",subset="validation")
music GTZAN(".",subset="testing")
music GTZAN(".",subset="no") GTZAN("no") GTZAN(".",folder_in_archive="genres/blues")
libri LIBRISPEECH(".","dev-clean") LIBRISPEECH(".") LIBRISPEECH(".","no")
libri LIBRISPEECH("no","dev-other")
tts LIBRITTS(".","dev-clean") LIBRITTS(".") LIBRITTS(".","dev-clean",folder_in_archive="no")
lj LJSPEECH(".") LJSPEECH("no") LJSPEECH(".",folder_in_archive="other")
yes YESNO(".") YESNO("no") YESNO(".",folder_in_archive="waves_yesno/x")
speech SPEECHCOMMANDS(".") SPEECHCOMMANDS(".",subset="training")
speech SPEECHCOMMANDS(".",subset="validation")
speech SPEECHCOMMANDS(".",subset="testing") SPEECHCOMMANDS(".",subset="no")
speech SPEECHCOMMANDS(".","speech_commands_v0.01")
voice COMMONVOICE(".") COMMONVOICE(".","bad.tsv") COMMONVOICE(".","none.tsv")
vctk VCTK_092(".") VCTK_092(".",mic_id="mic1") VCTK_092(".",mic_id="no") VCTK_092("no")
vctk VCTK_092(".",audio_ext=".wav")
quest QUESST14(".","docs") QUESST14(".","dev") QUESST14(".","eval","albanian")
quest QUESST14(".","docs",None)
quest QUESST14(".","no") QUESST14(".","dev","no") QUESST14("no","dev")
quest QUESST14(".","docs","czech")
snips Snips(".","train") Snips(".","test",audio_format="wav") Snips(".","test",["Ivy"])
snips Snips(".","test")
snips Snips(".","no") Snips(".","train",audio_format="ogg") Snips("no","train") Snips(".","valid")
moods IEMOCAP(".",(1,)) IEMOCAP(".",(1,),"scripted") IEMOCAP(".",(1,),"improvised")
moods IEMOCAP(".",(1,),"no") IEMOCAP("no")
moods IEMOCAP(".",(2,)) IEMOCAP(".")
stars VoxCeleb1Identification(".") VoxCeleb1Identification(".","dev")
stars VoxCeleb1Identification(".","test")
stars VoxCeleb1Identification(".","no") VoxCeleb1Verification(".") VoxCeleb1Verification("no")
mixed LibriMix(".","dev") LibriMix(".","dev",task="sep_noisy") LibriMix(".","dev",task="enh_both")
mixed LibriMix("no")
mixed LibriMix(".","dev",sample_rate=16000,mode="max",task="enh_single")
mixed LibriMix(".","dev",mode="no")
mixed LibriMix(".","dev",sample_rate=1) LibriMix(".","dev",3) LibriMix(".","dev",task="no")
limited LibriLightLimited(".","1h") LibriLightLimited(".","10min") LibriLightLimited(".","no")
limited LibriLightLimited("no")
songs MUSDB_HQ(".","train") MUSDB_HQ(".","train",["bass"])
songs MUSDB_HQ(".","train",["bass","drums"],"train")
songs MUSDB_HQ(".","train",None,"validation") MUSDB_HQ(".","no") MUSDB_HQ(".","train",split="no")
songs MUSDB_HQ(".","test")
talks TEDLIUM(".","release1","dev") TEDLIUM(".","release1","no") TEDLIUM(".","no") TEDLIUM("no")
talks TEDLIUM(".","release1","dev",audio_ext=".wav") TEDLIUM(".","release3","dev")
bias LibriSpeechBiasing(".","dev-clean") LibriSpeechBiasing(".","dev-clean",blist=["ONE","NINE"])
bias LibriSpeechBiasing(".","no")
"""
"""By data set: how it is opened."""


def load_words(path: Any, *_: Any, **__: Any) -> tuple[torch.Tensor, int]:
    """Return the name of a file as numbers and the rate that is in it, in place of its sound."""
    name, text = Path(path).name, Path(path).read_text()
    return torch.tensor([[len(name), zlib.crc32(name.encode()) % 997]]), int(text or 16000)


def make_files(kind: str) -> None:
    """Make the files of a data set in the current folder."""
    for line in FOLDERS.splitlines():
        name, _, words = line.partition(" ")
        for word in words.split() if name == kind else ():
            path, _, text = word.partition("=")
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            for sign, other in (("&", " "), ("|", "\n"), ("@", "\t")):
                text = text.replace(sign, other)
            with Path(path).open("a") as file:
                file.write(text)


def read_recordings(kind: str) -> list[Any]:
    """Return all that a data set gives for each way to open it."""
    library, home = (importlib.import_module(f"torchaudio{end}") for end in ("", ".datasets"))
    make_files(kind)
    results: list[Any] = []
    found = (line.split() for line in READ.splitlines())
    with mock.patch.object(library, "load", load_words):
        for text in (each for words in found if words[:1] == [kind] for each in words[1:]):
            opened = attempt(eval, text, vars(home).copy())  # all texts are our own
            results += [text, opened if isinstance(opened, str) else attempt(len, opened)]
            for place in (0, 1, 2, -1) if not isinstance(opened, str) else ():
                results.append(attempt(lambda held=opened, at=place: str(held[at])))
                results.append(attempt(lambda held=opened, at=place: str(held.get_metadata(at))))
            results += [attempt(getattr, opened, name) for name in ("symbols", "phoneme_dict")]
    return results


def list_sets() -> list[str]:
    """Return the names of the data sets."""
    return list(dict.fromkeys(line.split()[0] for line in READ.splitlines() if line))


OF_RECORDINGS = (Family(read_recordings, list_sets, lambda _: None),)
