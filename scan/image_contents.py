"""The whole file system of an image, as the engine hands it over: nothing of the image runs."""

from __future__ import annotations

import contextlib

from docker.errors import DockerException

from oci.layer_reader import LayerContents, parse_layer
from runner import containers, engine
from runner.errors import EnvironmentFailed
from runner.untrusted import Malformed, clean_line
from scan import layer_changes

CHUNK_BYTES = 1 << 20
PURPOSE = "contents"
ANSWER_S = 120
_FOLDER = "/image-contents"


def read_image(reference: str) -> LayerContents:
    """Return every path of an image in the engine, merged from its layers.

    Raises EnvironmentFailed if the engine fails, or if the file system has more than is read.
    """
    client = engine.connect_engine(ANSWER_S)
    with engine.report_failures(f"the engine's export of {reference}"):
        config = client.images.get(reference).attrs.get("Config") or {}
        volumes = containers.volumes_read_only(config, _FOLDER)
        settings = {
            "entrypoint": ["true"],  # it is never started
            "name": containers.new_name(PURPOSE),
            "mounts": volumes,
        }
        with containers.without_volumes_of_a_failure(client, volumes):
            container = containers.create_confined(client, reference, settings)
        try:
            chunks = client.api.export(container.id, chunk_size=CHUNK_BYTES)
            return parse_layer(chunks, layer_changes.wants_text, md5_bytes=0)
        except Malformed as error:
            problem = f"the file system of {reference} cannot be read: {clean_line(str(error))}"
            raise EnvironmentFailed(problem, engine.CALL_HINT) from None
        finally:
            with contextlib.suppress(DockerException):
                container.remove(force=True, v=True)
                containers.remove_volumes(container)
