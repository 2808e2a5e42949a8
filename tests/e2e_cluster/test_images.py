import pytest

from e2e.cluster import ClusterError
from e2e.images import building
from e2e.images.building import Job
from e2e.images.catalogue import CATALOGUE, REPOSITORY_ROOT, Image
from e2e.images.engines import Build, Buildah, Docker, certificates, choose_engine
from e2e.images.keys import key
from e2e.images.stages import heavy_part, thin_part


@pytest.fixture
def root(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("1")
    return tmp_path


def test_the_same_files_have_the_same_key(root):
    assert key(root, ["code"]) == key(root, ["code", "missing"])


def test_a_changed_file_changes_the_key(root):
    before = key(root, ["code"])
    (root / "code" / "a.py").write_text("2")
    assert before != key(root, ["code"])


def test_a_renamed_file_changes_the_key(root):
    before = key(root, ["code"])
    (root / "code" / "a.py").rename(root / "code" / "b.py")
    assert before != key(root, ["code"])


def test_an_executable_file_has_another_key(root):
    before = key(root, ["code"])
    (root / "code" / "a.py").chmod(0o755)
    assert before != key(root, ["code"])


def test_what_tools_leave_behind_does_not_count(root):
    before = key(root, ["code"])
    (root / "code" / "__pycache__").mkdir()
    (root / "code" / "__pycache__" / "a.pyc").write_bytes(b"x")
    assert before == key(root, ["code"])


def test_a_fact_changes_the_key(root):
    assert key(root, ["code"], "DEVICE=cpu") != key(root, ["code"], "DEVICE=cuda")


DOCKERFILE = """\
ARG BASE_IMAGE=debian
FROM ${BASE_IMAGE} AS packages
RUN slow
from ${BASE_IMAGE} AS base
COPY --from=packages /a /a

# Thin.
FROM base
COPY code /code
"""


def test_the_last_stage_is_built_on_a_named_image():
    assert thin_part(DOCKERFILE, "base:1") == "FROM base:1\nCOPY code /code\n"
    assert heavy_part(DOCKERFILE).endswith("COPY --from=packages /a /a\n\n# Thin.\n")


class Store:
    """An engine that builds nothing and remembers what it was asked for."""

    def __init__(self):
        self.built = []

    def has(self, reference):
        return reference in [build.reference for build in self.built]

    def build(self, build, dockerfile, context):
        assert dockerfile.read_text() == build.text
        self.built.append(build)


@pytest.fixture
def job(settings, tmp_path):
    return Job(Store(), settings.progress, "cpu", {"DEVICE": "cpu"}, tmp_path)


@pytest.fixture
def image(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "check_disk", lambda *_: None)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "cpu.lock").write_text("x")
    return Image("runtime", "Dockerfile", ("code",), ("{device}.lock",), by_device=True)


def built_names(job):
    return [build.reference.partition(":")[0] for build in job.engine.built]


def test_what_was_built_from_the_same_inputs_is_not_built_again(image, job):
    assert building._build(image, job) == building._build(image, job)
    assert built_names(job) == ["localhost/tonnage/runtime-base", "localhost/tonnage/runtime"]


def test_an_edit_of_our_code_builds_the_thin_stage_only(image, job, tmp_path):
    building._build(image, job)
    (tmp_path / "code").write_text("new")
    (tmp_path / "Dockerfile").write_text(DOCKERFILE + "ENV A=b\n")
    building._build(image, job)
    assert built_names(job)[2:] == ["localhost/tonnage/runtime"]


def test_a_changed_pin_builds_the_heavy_stages_again(image, job, tmp_path):
    building._build(image, job)
    (tmp_path / "cpu.lock").write_text("new")
    building._build(image, job)
    assert built_names(job)[2:] == ["localhost/tonnage/runtime-base", "localhost/tonnage/runtime"]


def test_no_image_is_called_latest(image, job):
    assert "latest" not in building._build(image, job)


def test_every_input_of_the_images_exists():
    named = [path for image in CATALOGUE.values() for path in (image.dockerfile, *image.inputs, *image.heavy_inputs)]
    paths = [path.format(device=device) for path in named for device in building.DEVICES]
    assert [path for path in paths if not (REPOSITORY_ROOT / path).exists()] == []


def test_an_unknown_image_is_refused_by_name():
    with pytest.raises(ClusterError, match="'proxy' is no image"):
        building.build("proxy")


def test_docker_is_chosen_where_an_engine_answers(recorder):
    assert isinstance(choose_engine(recorder), Docker)


def test_buildah_is_chosen_where_none_does(recorder):
    recorder.failures.add("docker version")
    assert isinstance(choose_engine(recorder), Buildah)


@pytest.mark.parametrize("engine", [Docker, Buildah])
def test_engines_build_the_same_file_with_the_same_arguments(engine, recorder, monkeypatch, tmp_path):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    engine(recorder).build(Build("name:1", "FROM x", {"DEVICE": "cpu"}), tmp_path / "Dockerfile", tmp_path)
    assert recorder.lines[0].endswith(f"--file {tmp_path}/Dockerfile --tag name:1 --build-arg DEVICE=cpu {tmp_path}")


def test_a_build_trusts_whom_the_machine_trusts():
    words = certificates({"SSL_CERT_FILE": "/certs/all.crt"})
    assert words == ["--volume", "/certs:/certs:ro", "--build-arg", "SSL_CERT_FILE=/certs/all.crt"]
    assert certificates({}) == []
