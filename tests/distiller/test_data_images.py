"""Files of each published format, written small, and read back through torchvision's own classes."""

import bz2
import functools
import gzip
import hashlib
import http.server
import pickle
import struct
import threading

import numpy as np
import pytest
import torch
import torchvision.datasets

from distiller.data import DataError, catalogue, describe, fetch, load, locate
from distiller.data.registry import REGISTRY

RNG = np.random.default_rng(0)
FOLDERS = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST", "emnist_letters": "EMNIST"}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("STILLHOUSE_DATA", str(tmp_path / "sets"))
    (tmp_path / "sets").mkdir()
    return tmp_path / "sets"


def pixels(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def idx(array):
    """The bytes of an idx file, as MNIST and its kin are stored."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def idx_files(name, train, test):
    """The four files of a set in the form of MNIST: (images, labels) by part."""
    parts = ("emnist-letters-train", "emnist-letters-test") if name == "emnist_letters" else ("train", "t10k")
    files = {}
    for part, (images, labels) in zip(parts, (train, test), strict=True):
        files |= {f"{part}-images-idx3-ubyte": idx(images), f"{part}-labels-idx1-ubyte": idx(labels)}
    return files


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)


def md5(content):
    return hashlib.md5(content).hexdigest()


def check(name, train, test):
    """What is loaded is what was stored, channels first and normalised by the data set's statistics."""
    data, entry = load(name), REGISTRY[name]
    assert (data.mean, data.std, data.classes) == (entry.mean, entry.std, describe(name).classes)
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (entry.mean, entry.std))
    for part, (inputs, labels) in ((data.train, train), (data.test, test)):
        torch.testing.assert_close(part.inputs, (torch.from_numpy(inputs) / 255 - mean) / std)
        assert part.labels.tolist() == list(labels)
        assert (part.inputs.dtype, part.labels.dtype) == (torch.float32, torch.int64)
        assert tuple(part.inputs.shape[1:]) == data.shape == describe(name).shape
    assert len(data.validation) == 0
    assert data.validation.inputs.shape == (0, *data.shape)
    assert locate(name) is not None


@pytest.mark.parametrize("name, first", [("mnist", 0), ("fashion_mnist", 0), ("kmnist", 0), ("emnist_letters", 1)])
def test_idx_files(root, name, first):
    classes = describe(name).classes
    train, test = ((pixels(n, 28, 28), np.arange(n) % classes) for n in (40, 30))
    stored = [(images, labels + first) for images, labels in (train, test)]
    write(root / FOLDERS[name] / "raw", idx_files(name, *stored))
    # As stored: EMNIST's letters stay transposed, and its labels 1..26 become 0..25.
    check(name, *((images[:, None], labels) for images, labels in (train, test)))


def test_usps_is_resized_and_its_labels_start_at_zero(root):
    values = np.round(RNG.uniform(-1, 1, (12, 256)), 3)
    labels = np.arange(12) % 10
    lines = [
        " ".join([str(label + 1), *(f"{i + 1}:{value}" for i, value in enumerate(row))])
        for label, row in zip(labels, values, strict=True)
    ]
    for file in ("usps.bz2", "usps.t.bz2"):
        (root / file).write_bytes(bz2.compress("\n".join(lines).encode()))
    data = load("usps")
    assert data.train.inputs.shape == (12, 1, 28, 28)
    assert data.test.labels.tolist() == labels.tolist()
    back = data.train.inputs * data.std[0] + data.mean[0]
    stored = torch.from_numpy((values + 1) / 2).reshape(12, 16, 16)
    # A corner of the larger image looks outside the smaller one, and gets its corner.
    torch.testing.assert_close(back[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]].double(), stored[:, [0, 0, -1, -1], [0, -1, 0, -1]],
                               atol=1 / 255, rtol=0)  # fmt: skip


def test_svhn_files(root, monkeypatch):
    from scipy.io import savemat

    parts, split_list = {}, {}
    for part, n in (("train", 25), ("test", 15)):
        inputs, labels = pixels(n, 3, 32, 32), np.arange(n) % 10
        file = root / f"{part}_32x32.mat"
        savemat(
            file, {"X": inputs.transpose(2, 3, 1, 0), "y": np.where(labels == 0, 10, labels)[:, None].astype(np.uint8)}
        )
        parts[part], split_list[part] = (inputs, labels), ["", file.name, md5(file.read_bytes())]
    monkeypatch.setattr(torchvision.datasets.SVHN, "split_list", split_list)
    check("svhn", parts["train"], parts["test"])


@pytest.mark.parametrize(
    "name, class_name, folder, train_files, test_file, meta, key",
    [
        ("cifar10", "CIFAR10", "cifar-10-batches-py", [f"data_batch_{i}" for i in range(1, 6)], "test_batch",
         ("batches.meta", "label_names"), "labels"),
        ("cifar100", "CIFAR100", "cifar-100-python", ["train"], "test", ("meta", "fine_label_names"), "fine_labels"),
    ],
)  # fmt: skip
def test_cifar_files(root, monkeypatch, name, class_name, folder, train_files, test_file, meta, key):
    parts, files = {}, {meta[0]: pickle.dumps({meta[1]: ["a"] * describe(name).classes})}
    for file in (*train_files, test_file):
        inputs, labels = pixels(120, 3, 32, 32), (np.arange(120) % describe(name).classes).tolist()
        parts[file] = inputs, labels
        files[file] = pickle.dumps({"data": inputs.reshape(120, 3072), key: labels})
    write(root / folder, files)
    kind = getattr(torchvision.datasets, class_name)
    monkeypatch.setattr(kind, "train_list", [[file, md5(files[file])] for file in train_files])
    monkeypatch.setattr(kind, "test_list", [[test_file, md5(files[test_file])]])
    monkeypatch.setattr(kind, "meta", {"filename": meta[0], "key": meta[1], "md5": md5(files[meta[0]])})
    train = [np.concatenate(arrays) for arrays in zip(*(parts[file] for file in train_files), strict=True)]
    check(name, train, parts[test_file])


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
GOOD = idx_files("kmnist", (pixels(20, 28, 28), np.arange(20) % 10), (pixels(20, 28, 28), np.arange(20) % 10))


@pytest.mark.parametrize(
    "damage, reason",
    [
        ({IMAGES: b""}, ""),
        ({IMAGES: b"not an image"}, ""),
        ({IMAGES: GOOD[IMAGES][:-100]}, ""),
        ({LABELS: idx(np.arange(19) % 10)}, "20 inputs and 19 labels"),
        ({LABELS: idx(np.arange(20))}, "labels that are not 0..9"),
        ({IMAGES: idx(pixels(20, 27, 28))}, r"inputs of shape \[1, 27, 28\]"),
        ({IMAGES: idx(pixels(0, 28, 28)), LABELS: idx(np.zeros(0))}, ""),
    ],
)
def test_a_damaged_file_is_one_line_with_the_cure(root, damage, reason):
    write(root / "KMNIST" / "raw", GOOD | damage)
    with pytest.raises(
        DataError, match=f"data set kmnist in .* cannot be read .*{reason}.*`stillhouse data kmnist`"
    ) as caught:
        load("kmnist")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name, files", [("svhn", REGISTRY["svhn"].origin.files), ("usps", ("usps.bz2", "usps.t.bz2")),
                                         ("cifar100", REGISTRY["cifar100"].origin.files)])  # fmt: skip
def test_files_of_other_bytes_are_one_line_with_the_cure(root, name, files):
    for file in files:
        write((root / file).parent, {file.split("/")[-1]: b"something else"})
    with pytest.raises(DataError, match=f"data set {name} in .* cannot be read .*`stillhouse data {name}`") as caught:
        load(name)
    assert "\n" not in str(caught.value)
    assert "download=True" not in str(caught.value)


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A folder that torchvision downloads KMNIST from, over HTTP."""
    write(tmp_path / "mirror", packed := {f"{file}.gz": gzip.compress(content) for file, content in GOOD.items()})
    resources = [(file, md5(content)) for file, content in packed.items()]
    monkeypatch.setattr(torchvision.datasets.KMNIST, "resources", resources)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = functools.partial(Quiet, directory=str(tmp_path / "mirror"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(torchvision.datasets.KMNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        yield tmp_path / "mirror"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def names_below(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_fetching_puts_the_files_in_place_and_nothing_else(root, mirror):
    assert fetch("kmnist") == root
    assert names_below(root) == sorted(REGISTRY["kmnist"].origin.files)
    assert [path.name for path in root.iterdir()] == ["KMNIST"]
    assert len(load("kmnist").train) == 20
    assert next(line for line in catalogue() if line.name == "kmnist").present
    for file in mirror.iterdir():
        file.unlink()
    assert fetch("kmnist") == root  # it is here: nothing is asked of the mirror


def test_a_download_that_breaks_off_leaves_nothing(root, mirror):
    (mirror / "t10k-labels-idx1-ubyte.gz").write_bytes(b"cut sho")
    with pytest.raises(
        DataError, match=r"data set kmnist could not be downloaded into .*File not found or corrupted"
    ) as caught:
        fetch("kmnist")
    assert "\n" not in str(caught.value)
    assert list(root.iterdir()) == []
    with pytest.raises(DataError, match="fetch it with `stillhouse data kmnist`"):
        load("kmnist")


def test_no_network_is_one_line(root, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    # Nothing listens on port 9: refused at once, as when a machine is offline.
    monkeypatch.setattr(torchvision.datasets.KMNIST, "mirrors", ["http://127.0.0.1:9/", "http://127.0.0.1:9/b/"])
    with pytest.raises(DataError, match=r"could not be downloaded into .*: check the network") as caught:
        fetch("kmnist")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_root_that_cannot_be_made_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("STILLHOUSE_DATA", str(tmp_path / "file" / "sets"))
    with pytest.raises(DataError, match=r"could not be downloaded into .*: check the network and the disk"):
        fetch("kmnist")
