import pytest

from e2e.cluster import ClusterError
from e2e.images import building
from e2e.images.catalogue import CATALOGUE, REPOSITORY_ROOT, Image
from e2e.images.engines import Build, Buildah, Docker, certificates, choose_engine
from e2e.images.keys import key


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


def test_our_code_does_not_change_the_name_of_the_heavy_stage(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "REPOSITORY_ROOT", tmp_path)
    image = Image("runtime", "Dockerfile", ("code",), ("{device}.lock",), by_device=True)
    for name in ("Dockerfile", "cpu.lock"):
        (tmp_path / name).write_text("x")

    def names():
        whole = building.reference(image, "", (*image.inputs, *image.heavy_inputs), "cpu", {})
        return whole, building.reference(image, "-base", image.heavy_inputs, "cpu", {})

    whole, heavy = names()
    (tmp_path / "code").write_text("new")
    assert names()[1] == heavy
    assert names()[0] != whole
    (tmp_path / "cpu.lock").write_text("new")
    assert names()[1] != heavy


def test_no_image_is_called_latest():
    assert "latest" not in building.reference(CATALOGUE["runtime"], "", (), "cpu", {})


def test_an_unknown_image_is_refused_by_name():
    with pytest.raises(ClusterError, match="'proxy' is no image"):
        building.build("proxy")


def test_docker_is_chosen_where_an_engine_answers(recorder):
    assert isinstance(choose_engine(recorder), Docker)


def test_buildah_is_chosen_where_none_does(recorder):
    recorder.failures.add("docker version")
    assert isinstance(choose_engine(recorder), Buildah)


@pytest.mark.parametrize("engine", [Docker, Buildah])
def test_engines_build_the_same_stage_from_the_same_arguments(engine, recorder, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    build = Build("name:1", REPOSITORY_ROOT / "Dockerfile", REPOSITORY_ROOT, {"DEVICE": "cpu"}, target="base")
    engine(recorder).build(build)
    assert recorder.lines[0].endswith(
        f"--file {REPOSITORY_ROOT}/Dockerfile --tag name:1 --target base --build-arg DEVICE=cpu {REPOSITORY_ROOT}"
    )


def test_a_build_trusts_whom_the_machine_trusts():
    words = certificates({"SSL_CERT_FILE": "/certs/all.crt"})
    assert words == ["--volume", "/certs:/certs:ro", "--build-arg", "SSL_CERT_FILE=/certs/all.crt"]
    assert certificates({}) == []
