"""Defects that suites of stacks (cv, nlp, rl, cli, jupyter, serving, devel, ssh) must catch."""

from __future__ import annotations

from tests.defects.defect import Defect, patched, told, with_environment, with_layer
from tests.defects.of_throughput import IDLE

START = "/usr/local/lib/image/start"
SETTINGS = "/opt/venv/etc/jupyter/jupyter_server_config.json"
SERVING = "/usr/local/lib/image/serving"
WRITE_SETTINGS = f"""printf '%s' '{{"IdentityProvider": {{"token": ""}}}}' > {SETTINGS}"""
SSH = "/usr/local/lib/image/start_ssh.py"
SSHD = "/usr/local/lib/image/sshd_config"
# A session of bash ends when the process of its connection does.
ENDS_WITH_CLIENT = "(while kill -0 $PPID; do sleep 0.1; done; kill $$) >/dev/null 2>\\&1 \\&"

DEFECTS = (
    Defect(
        "pictures left as they were",
        "cv",
        (("pipeline_values", "from the same steps in NumPy"),),
        patched("normalize_idle"),
    ),
    Defect(
        "boxes that are kept though hidden",
        "cv",
        (("kept_boxes", "BboxParams with min_visibility=0.3 keeps the boxes"),),
        patched("hidden_boxes_kept"),
    ),
    Defect(
        "masks moved as pictures",
        "cv",
        (("kept_classes", "SafeRotate makes the classes"),),
        patched("classes_mixed_in_masks"),
    ),
    Defect(
        "OpenCV without FFmpeg",
        "cv",
        (("videos", "not with FFMPEG"),),
        with_environment(OPENCV_VIDEOIO_PRIORITY_FFMPEG="0"),
    ),
    Defect(
        "red and blue swapped",
        "cv",
        (
            ("jpeg_round_trip", "grey levels on average"),
            ("formats", "OpenCV's .png is off by"),
            ("turned_pictures", "OpenCV turns a JPEG of orientation 1 otherwise"),
        ),
        patched("jpeg_channels_swapped"),
        representative=True,
    ),
    Defect(
        "workers that augment alike",
        "cv",
        (("workers_augment_differently", "both workers cropped at the same places"),),
        patched("workers_share_seed"),
    ),
    Defect(
        "pictures with the labels of others",
        "cv",
        (("augmented_resnet_trains", "the loss went from"),),
        patched("labels_shuffled"),
    ),
    Defect(
        "OpenCV without WebP",
        "cv",
        (("formats", "OpenCV cannot read the .webp that it wrote"),),
        patched("opencv_no_webp"),
    ),
    Defect(
        "OpenCV without its fast code",
        "cv",
        (("switches", "cv2.useOptimized() is False"),),
        patched("opencv_slow"),
    ),
    Defect(
        "an OpenCV that turns no picture",
        "cv",
        (("turned_pictures", "OpenCV turns a JPEG of orientation 2 otherwise"),),
        patched("opencv_never_turns"),
    ),
    Defect(
        "a seed that stops at the first composition",
        "cv",
        (("seeded_augmentations", "Compose of Compose gives other pictures with the same seed"),),
        patched("seed_stops"),
    ),
    Defect(
        "an interpolation that repeats pixels",
        "cv",
        (("resized_pictures", "INTER_LINEAR of OpenCV is not its definition"),),
        patched("resize_jumps"),
    ),
    Defect(
        "boxes that a flip leaves where they were",
        "cv",
        (("moved_boxes", "HorizontalFlip moves boxes to another place"),),
        patched("augmented_boxes_stay"),
    ),
    Defect(
        "cv training that trains nothing",
        "cv",
        (("augmented_resnet_trains", IDLE),),
        patched("optimizer_idle"),
    ),
    Defect(
        "a tokenizer that loses letters",
        "nlp",
        (
            ("tokenizer_round_trip", "came back from the tokenizer"),
            ("tokenizer_parts", "ByteLevel makes"),
        ),
        patched("tokenizer_lossy"),
        representative=True,
    ),
    Defect(
        "a tokenizer file without its last merges",
        "nlp",
        (("tokenizer_file", "merges or settings that are not written to the file"),),
        patched("tokenizer_file_loses"),
    ),
    Defect(
        "weights read from the wrong place",
        "nlp",
        (
            ("weights_as_safetensors", "tensors in the file differ"),
            ("saved_tensors", "gives other numbers back"),
        ),
        patched("safetensors_off"),
    ),
    Defect(
        "texts that are read anew for each word",
        "nlp",
        (("shortcuts", "GPT2LMHeadModel reads [7, 8, 9, 10, 11] words at a time"),),
        patched("texts_without_cache"),
    ),
    Defect(
        "BERT without its attention mask",
        "nlp",
        (("attention_masks", "BertForMaskedLM sees words that its attention mask hides"),),
        patched("bert_sees_all"),
    ),
    Defect(
        "models whose layers are drawn anew",
        "nlp",
        (("loaded_models", "weights of BertForMaskedLM are others"),),
        patched("layers_drawn_anew"),
    ),
    Defect(
        "models that write on",
        "nlp",
        (
            ("written_texts", "GPT2LMHeadModel wrote 4 words with max_new_tokens=1"),
            ("batched_texts", "GPT2LMHeadModel writes the most likely words in a batch"),
        ),
        patched("writes_on"),
    ),
    Defect(
        "texts that are not cut",
        "nlp",
        (
            ("encodings", "a text cut to 6 is"),
            ("tokenizer_options", "TokenizersBackend with truncation_side=right"),
        ),
        patched("texts_not_cut"),
    ),
    Defect(
        "numbers that take the space after them",
        "nlp",
        (("tokenizer_parts", "ByteLevel makes"),),
        patched("numbers_take_spaces"),
    ),
    Defect(
        "a class of tokenizers that nothing defines",
        "nlp",
        (("tokenizer_parts", "Unheard of tokenizers.normalizers has no definition"),),
        patched("tokenizers_new_class"),
    ),
    Defect(
        "sampling that keeps the other share",
        "nlp",
        (("logits_processors", "TopPLogitsWarper gives"),),
        patched("top_p_reversed"),
    ),
    Defect(
        "nlp training that trains nothing",
        "nlp",
        (("bert_learns", IDLE),),
        patched("optimizer_idle"),
    ),
    Defect(
        "a training in parts that counts them twice",
        "rl",
        (("helpers", "steps, not 32, after learn() with reset_num_timesteps=False"),),
        patched("learning_in_parts"),
    ),
    Defect(
        "a task with half its force",
        "rl",
        (("environment_dynamics", "one step from rest gave"),),
        patched("weak_cart"),
        representative=True,
    ),
    Defect(
        "PPO that learns to fail",
        "rl",
        (
            (
                "ppo_solves_cartpole",
                "advantages, gradients or an optimizer that do not lead to more reward",
            ),
            ("rollouts", "advantages of PPO in a game that ends by itself"),
        ),
        patched("advantages_reversed"),
    ),
    Defect(
        "games that begin anywhere",
        "rl",
        (
            ("environments", "CartPole-v1 breaks the rules of Gymnasium"),
            ("agents", "PPO learns otherwise from the same seed"),
            ("vector_environments", "as of each alone"),
        ),
        patched("games_not_seeded"),
    ),
    Defect(
        "games that all begin alike",
        "rl",
        (
            ("environments", "SyncVectorEnv of 3 begins otherwise than each alone"),
            ("vector_environments", "observations of SyncVectorEnv are"),
        ),
        patched("games_alike"),
    ),
    Defect(
        "games without a limit",
        "rl",
        (
            ("environments", "an episode that is limited to 7 steps is cut after []"),
            ("challenge", "the answer to"),
            ("wrappers", "TimeLimit with {'max_episode_steps': 4}"),
            ("rollouts", "advantages of PPO in a game that is cut"),
        ),
        patched("games_not_cut"),
    ),
    Defect(
        "agents that are never sure",
        "rl",
        (("agents", "PPO takes other actions for the same observation, though deterministic"),),
        patched("never_sure"),
    ),
    Defect(
        "agents that load nothing",
        "rl",
        (("agents", "PPO has other weights or counts once it is loaded"),),
        patched("agents_load_nothing"),
    ),
    Defect(
        "rl training that trains nothing",
        "rl",
        (("ppo_solves_cartpole", IDLE),),
        patched("optimizer_idle"),
    ),
    Defect(
        "a command that takes no script",
        "cli",
        (
            ("script_of_standard_input", "the script ended with 0 and printed"),
            ("challenge", "a command that takes no script"),
        ),
        told(command=("true",)),
        representative=True,
    ),
    Defect(
        "exit codes that are lost",
        "cli",
        (
            ("exit_code[sys.exit(42)]", "has the exit code 0"),
            ("exit_code[os.kill(os.getpid(), 9)]", "has the exit code 0"),
        ),
        with_layer(f"""RUN sed -i '$i [ "$2" = - ] && {{ "$@"; exit 0; }}' {START}"""),
    ),
    Defect(
        "a start script that keeps signals",
        "cli",
        (("job_gets_sigterm", "after SIGTERM the job ended with 143"),),
        with_layer(f"""RUN sed -i 's/^exec "$@"/"$@"/' {START}"""),
    ),
    Defect(
        "orphans that stay",
        "cli",
        (("orphans_are_reaped", "the entry point is not tini"),),
        with_layer(f'ENTRYPOINT ["{START}"]'),
    ),
    Defect(
        "a JupyterLab that asks for no token",
        "jupyter",
        (
            ("token_is_asked", "the server drew no token"),
            # Without a token the server takes the requests of browsers alone.
            ("notebooks_are_in_the_workspace", "a new notebook was answered with status 403"),
            ("cell_shows_a_plot", "a new kernel was answered with status 403"),
            ("challenge", "a new kernel was answered with status 403"),
        ),
        with_layer(f"RUN {WRITE_SETTINGS}"),
    ),
    Defect(
        "notebooks that cannot be saved",
        "jupyter",
        (("notebooks_are_in_the_workspace", "a new notebook was answered with status"),),
        with_layer("RUN chmod 755 /workspace && chown root /workspace"),
    ),
    Defect(
        "notebooks without pictures",
        "jupyter",
        (("cell_shows_a_plot", "a plot gave 0 pictures"),),
        with_environment(MPLBACKEND="agg"),
    ),
    Defect(
        "a classifier that learns other groups",
        "jupyter",
        (("classifier_separates", "of the points were put into their group"),),
        patched("classifier_upside_down"),
    ),
    Defect(
        "metrics of the last batch alone",
        "jupyter",
        (("metrics_are_right", "batches that are lost or counted twice"),),
        patched("metrics_lose_batches"),
        representative=True,
    ),
    Defect(
        "events that TensorBoard never gets",
        "jupyter",
        (("tensorboard_reads_what_torch_writes", "TensorBoard reads 10 of 20 values"),),
        patched("events_dropped"),
    ),
    Defect(
        "an inference server that asks for no token",
        "serving",
        (("token_is_asked", "with the token `` was answered with status 200"),),
        with_layer(f"RUN sed -i 's/if not hmac.compare_digest.*/if False:/' {SERVING}/serve.py"),
        representative=True,
    ),
    Defect(
        "inputs that are taken by their places",
        "serving",
        (("torchscript_in_json", "model script was answered with status 422"),),
        with_layer(
            f"RUN sed -i 's/for name in wanted)$/for name in by_name)/' {SERVING}/serving_models.py"
        ),
    ),
    Defect(
        "raw tensors with their rows reversed",
        "serving",
        (("export_in_raw_tensors", "scores of an exported program as raw tensors differ"),),
        with_layer(
            f"RUN sed -i 's/array.tobytes/array[::-1].tobytes/' {SERVING}/serving_protocol.py"
        ),
    ),
    Defect(
        "archives whose pickles run",
        "serving",
        (("pickles_run_nothing", "planted pickles one ran"),),
        with_layer(f"""RUN sed -i '/FORCE_WEIGHTS_ONLY/s/"1"/"0"/' {SERVING}/serving_models.py"""),
    ),
    Defect(
        "models that are never replaced",
        "serving",
        (("model_is_replaced", "the last answers are [[1.0, 1.0]"),),
        with_layer(
            "RUN sed -i 's/if found.path. != self._known.get(path)/if path not in self._known/' "
            f"{SERVING}/serving_workers.py"
        ),
    ),
    Defect(
        "bad requests that are faults of the server",
        "serving",
        (("bad_requests_are_refused", "no JSON: status 500"),),
        with_layer(
            f"RUN sed -i 's/except BadRequest/except ZeroDivisionError/' {SERVING}/serve.py"
        ),
    ),
    Defect(
        "a stop that drops requests",
        "serving",
        (("stop_loses_no_request", "model slow was answered with status"),),
        with_layer(f"RUN sed -i 's/^DRAIN_S = 30/DRAIN_S = 0/' {SERVING}/serve.py"),
    ),
    Defect(
        "torch.compile that compiles nothing",
        "devel",
        (("compiled_function_agrees", "no compiled code was written"),),
        with_environment(TORCH_COMPILE_DISABLE="1"),
        representative=True,
    ),
    Defect(
        "extensions without ninja",
        "devel",
        (("cpp_extension", "the extension was not built: Ninja is required"),),
        with_layer("RUN rm /opt/venv/bin/ninja"),
    ),
    Defect(
        "a toolkit without nvcc",
        "devel",
        (("cuda_extension", "the image has ['/usr/local/cuda']"),),
        with_layer("RUN mkdir /usr/local/cuda"),
    ),
    Defect(
        "sessions without the variables of the container",
        "ssh",
        (
            ("session_has_the_environment[{}]", "sessions that have not the PATH"),
            ("session_has_the_environment[bash -lc '{}']", "sessions that have not the PATH"),
            ("session_has_the_environment[sh -lc '{}']", "sessions that have not the PATH"),
            ("challenge", "the session ended with 127"),
            ("job_of_a_lost_client_lives_on", "the job is still at step nothing"),
        ),
        with_layer(f"RUN sed -i 's/yield f\"SetEnv.*/pass/' {SSH}"),
    ),
    Defect(
        "an SSH server that asks for passwords",
        "ssh",
        (("only_keys_log_in", "takes more than keys"),),
        with_layer(
            f"RUN sed -i -E '/^AuthenticationMethods/d; s/^(Password.*) no/\\1 yes/' {SSHD}"
        ),
        representative=True,
    ),
    Defect(
        "a start that does not say that keys are missing",
        "ssh",
        (("without_keys_there_is_no_server", "it ended with 2 and printed ``"),),
        with_layer(f"RUN sed -i 's/print(f\"ssh: {{reason}}.*/pass/' {SSH}"),
    ),
    Defect(
        "host keys that everybody has",
        "ssh",
        (("host_keys_are_of_this_container", "the image has ['/etc/ssh/ssh_host_"),),
        with_layer("RUN ssh-keygen -A"),
    ),
    Defect(
        "a server without sftp",
        "ssh",
        (("files_are_copied", "no server of sftp"),),
        with_layer(f"RUN sed -i '/^Subsystem/d' {SSHD}"),
    ),
    Defect(
        "jobs that end with their client",
        "ssh",
        (("job_of_a_lost_client_lives_on", "the job is still at step"),),
        with_layer(f"RUN sed -i '1i {ENDS_WITH_CLIENT}' /etc/bash.bashrc"),
    ),
)
