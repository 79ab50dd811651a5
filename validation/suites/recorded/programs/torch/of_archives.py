"""Programs that pack modules with objects, and load models from folders and files."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from ... import pool
from ..families import Family
from .scripts import play_script

SOURCES = {
    "recorded_pack/__init__.py": "from . import shapes\nKIND = 'pack'\n",
    "recorded_pack/shapes.py": """import math
import torch
from .deep.names import NAME, upper
from recorded_side import halve
class Box:
    def __init__(self, size):
        self.size = size
    def area(self):
        return math.prod(self.size) / halve(4)
class Net(torch.nn.Linear):
    def forward(self, values):
        return super().forward(values) * 2
""",
    "recorded_pack/deep/__init__.py": "",
    "recorded_pack/deep/names.py": "NAME = 'deep'\ndef upper(text):\n    return text.upper()\n",
    "recorded_pack/data.txt": "one\ntwo\n",
    "recorded_side.py": "def halve(number):\n    return number / 2\n",
    "recorded_lone.py": """import recorded_pack.deep.names as names
import recorded_absent
VALUE = 3
""",
    "hubconf.py": """dependencies = ['torch']
import torch as _torch
def small(size=2, pretrained=False, **more):
    \"\"\"Make a small model.\"\"\"
    return ['small', size, pretrained, sorted(more)]
def needy():
    return _torch.nn.Linear(2, 1)
_hidden = 3
number = 4
""",
    "needing/hubconf.py": "dependencies = ['recorded_absent', 'json']\nmodel = len\n",
    "empty/hubconf.py": "x = 1\n",
}

EXPORTED = """
import io
from recorded_pack.shapes import Box, Net
def pack(fill, *importers):
    file = io.BytesIO()
    options = {'importer': importers} if importers else {}
    with p.PackageExporter(file, **options) as exporter:
        fill(exporter)
    file.seek(0)
    return file
def names(file):
    import zipfile
    return [each.filename.split('/', 1)[1] for each in zipfile.ZipFile(file).infolist()]
def fill(exporter):
    exporter.intern('recorded_pack.**')
    exporter.extern('recorded_side')
    exporter.save_pickle('objects', 'box.pkl', Box((2, 3)))
    exporter.save_text('texts', 'a.txt', 'some words')
    exporter.save_binary('texts', 'b.bin', b'123')
    exporter.save_pickle('objects', 'net.pkl', {'net': Net(2, 1), 'rows': rows, 'view': rows[1:]})
file = pack(fill)
found = p.PackageImporter(file)
names(file), str(found.file_structure()), str(found.file_structure(include='**/*.pkl'))
str(found.file_structure(include=['texts/**', 'objects/**'], exclude='**/*.bin'))
found.file_structure().has_file('texts/a.txt'), found.file_structure().has_file('zz')
found.python_version()[:1], found.id()
box = found.load_pickle('objects', 'box.pkl')
box.area(), type(box).__module__, isinstance(box, Box), p.is_from_package(box)
p.is_from_package(Box(1)), type(box).__name__, found.load_text('texts', 'a.txt')
found.load_binary('texts', 'b.bin')
found.load_text('texts', 'b.bin', encoding='latin-1', errors='ignore')
found.load_pickle('objects', 'net.pkl', map_location='cpu')['net'](torch.ones(1, 2)).shape
found.load_pickle('objects', 'net.pkl')['view'], found.load_text('zz', 'a.txt')
found.load_binary('texts', 'zz'), found.load_pickle('objects', 'zz')
module = found.import_module('recorded_pack.shapes')
module.__name__, module.NAME, module.upper('a'), module.__file__
found.import_module('recorded_pack').KIND, found.import_module('.deep', 'recorded_pack').__name__
found.import_module('zz'), found.import_module('recorded_side').__name__
found.import_module('torch') is torch, found.get_source('recorded_pack.deep.names')
found.import_module('recorded_pack.shapes') is module, len(found.modules)
module.__loader__ is found
import importlib.resources
found.get_resource_reader('texts').contents() is not None
[*found.get_resource_reader('texts').contents()]
found.get_resource_reader('texts').is_resource('a.txt')
found.get_resource_reader('texts').is_resource('zz')
found.get_resource_reader('texts').open_resource('a.txt').read()
found.get_resource_reader('texts').resource_path('a.txt')
found.get_resource_reader('texts').open_resource('zz')
found.get_resource_reader('recorded_pack.shapes')
both = p.OrderedImporter(found, p.sys_importer) if hasattr(p, 'OrderedImporter') else None
def more(e):
    e.intern('recorded_pack.**'), e.extern('recorded_side'), e.save_pickle('more', 'box.pkl', box)
again = pack(more, found, p.sys_importer)
p.PackageImporter(again).load_pickle('more', 'box.pkl').area()
refuse(pack, lambda e: (e.intern('**'), e.save_pickle('more', 'box.pkl', box)))
both.import_module('recorded_pack').__name__, p.sys_importer.import_module('json').__name__
p.sys_importer.get_name(Box), both.get_name(type(box)), p.sys_importer.get_name(3)
p.sys_importer.whichmodule(Box, 'Box'), p.sys_importer.get_name(Box, 'Other')
p.PackageImporter(file, lambda name: name != 'recorded_side').import_module('recorded_pack')
p.PackageImporter(io.BytesIO(b'zz')), p.PackageImporter(3), p.PackageImporter('zz.pt')
"""
ACTIONS = """
import io
from recorded_pack.shapes import Box, Net
def make(fill):
    exporter = p.PackageExporter(io.BytesIO())
    fill(exporter)
    return exporter
def lists(fill):
    exporter = make(fill)
    refused = refuse(exporter.close)
    kinds = ('externed', 'interned', 'mocked', 'denied')
    found = [sorted(getattr(exporter, f'{name}_modules')()) for name in kinds]
    return [refused, [[each for each in some if 'torch' not in each] for some in found]]
lists(lambda e: (e.extern('recorded_side'), e.intern('recorded_pack.*', allow_empty=False),
 e.intern(['recorded_pack', '**.names', '**.deep']), e.save_module('recorded_pack')))
lists(lambda e: (e.mock('recorded_side'), e.intern('**'), e.save_module('recorded_pack.shapes')))
lists(lambda e: (e.deny('recorded_side'), e.intern('**'), e.save_module('recorded_pack.shapes')))
lists(lambda e: e.save_module('recorded_pack.shapes'))
lists(lambda e: (e.intern('recorded_pack.**', exclude='**.deep.*'), e.extern('**.names'),
 e.mock('recorded_side'), e.save_module('recorded_pack')))
lists(lambda e: (e.extern('zz', allow_empty=False), e.save_source_string('a', 'x = 1')))
lists(lambda e: (e.mock('zz.*', allow_empty=False), e.save_source_string('a', 'x = 1')))
lists(lambda e: (e.intern('zz', allow_empty=False), e.save_source_string('a', 'x = 1')))
lists(lambda e: e.save_source_string('a',
 'import json, recorded_side\\nfrom recorded_pack import deep, zz'))
lists(lambda e: e.save_source_string('a', 'import recorded_absent'))
lists(lambda e: e.save_source_string('a', 'import zz', dependencies=False))
lists(lambda e: e.save_source_string('a', 'def ('))
lists(lambda e: (e.extern('recorded_*'), e.save_source_string('a', 'import recorded_side',
 is_package=True)))
lists(lambda e: (e.mock('recorded_side'), e.mock('recorded_pack.shapes'), e.intern('**'),
 e.save_pickle('o', 'box.pkl', Box(1))))
lists(lambda e: (e.intern('**'), e.save_pickle('o', 'x.pkl', lambda: 3)))
lists(lambda e: e.save_pickle('o', 'x.pkl', [1, {'a': (2,)}], dependencies=False))
lists(lambda e: e.save_pickle('o', 'x.pkl', Box(1)))
lists(lambda e: (e.intern('**'), e.save_module('zz'))), lists(lambda e: e.save_module(3))
lists(lambda e: (e.intern('**'), e.save_module('itertools')))
lists(lambda e: (e.intern('**'), e.save_source_file('recorded_lone', 'recorded_lone.py')))
lists(lambda e: (e.intern('**'), e.extern('recorded_absent'), e.save_source_file('recorded_lone',
 'recorded_lone.py')))
lists(lambda e: (e.intern('**'), e.extern('recorded_*'), e.save_source_file('copy',
 'recorded_pack', dependencies=False)))
lists(lambda e: e.save_source_file('zz', 'zz.py'))
seen = []
def fill(e):
    handles = [
     e.register_extern_hook(lambda exporter, name: seen.append(['extern', name])),
     e.register_mock_hook(lambda exporter, name: seen.append(['mock', name])),
     e.register_intern_hook(lambda exporter, name: seen.append(['intern', name]))]
    e.extern('recorded_side'), e.mock('**.names'), e.intern('recorded_pack.**')
    e.save_module('recorded_pack'), handles[0].remove()
hooked = make(fill)
hooked.add_dependency('recorded_side'), hooked.get_unique_id(), hooked.get_unique_id()
hooked.get_rdeps('recorded_pack.shapes'), hooked.get_rdeps('zz')
hooked.all_paths('recorded_pack', 'recorded_side')
sorted(hooked.dependency_graph_string().splitlines()), hooked.close(), sorted(seen)
hooked.close(), hooked.save_text('a', 'b', 'c')
mocked = io.BytesIO()
with p.PackageExporter(mocked) as e:
    e.mock('recorded_side'), e.intern('**'), e.save_module('recorded_pack')
mocked.seek(0)
module = p.PackageImporter(mocked).import_module('recorded_pack.shapes')
refuse(module.halve, 2), refuse(module.Box((2, 3)).area), module.halve.zz, module.halve
with p.PackageExporter(io.BytesIO()) as e:
    raise ValueError('mine')
import importlib
kind = importlib.import_module('torch.package.glob_group').GlobGroup
group = lambda include, exclude=(): kind(include, exclude=exclude)
globs = [group('a.*'), group('a.**'), group(['a', 'b.?'], 'b.c'), group('**.z', exclude=['x.**']),
 group('a*.b'), group('**')]
globs
[[each.matches(name) for name in ('a', 'a.b', 'a.b.c', 'b.c', 'b.d', 'x.y.z', 'z', 'ab.b', '')]
 for each in globs]
group('a**b'), kind('a/*', separator='/').matches('a/b')
graph = importlib.import_module('torch.package._digraph').DiGraph()
graph.add_node('a', kind=1), graph.add_edge('a', 'b'), graph.add_edge('b', 'c')
graph.add_edge('a', 'd'), graph.add_edge('d', 'c'), list(graph.edges), graph.nodes
list(graph.successors('a')), sorted(graph.predecessors('b')), graph.successors('zz')
graph.predecessors('zz'), graph.forward_transitive_closure('b')
graph.backward_transitive_closure('c'), sorted(graph.all_paths('a', 'c').splitlines())
graph.first_path('c'), sorted(graph.to_dot().splitlines()), 'a' in graph, len(graph), [*graph]
found = importlib.import_module('torch.package.find_file_dependencies')
needed = found.find_files_source_depends_on
source = 'import a.b as c, d\\nfrom e import f, g as h\\nfrom . import i\\nfrom ..j import k'
source += '\\nfrom l import *\\n__import__("m")\\n__import__("n", fromlist=["o"])\\n__import__(x)'
needed(source, 'pack.deep.name'), needed('from . import a', 'pack'), needed('def (', 'x')
importlib.import_module('torch.package.analyze').find_first_use_of_broken_modules(3)
mangle = importlib.import_module('torch.package._mangling')
mangle.is_mangled('<torch_package_0>.a'), mangle.demangle('<torch_package_0>.a.b')
mangle.demangle('a'), mangle.get_mangle_prefix('<torch_package_7>.a')
importlib.import_module('torch.package._stdlib').is_stdlib_module('json.decoder')
importlib.import_module('torch.package._stdlib').is_stdlib_module('numpy')
"""
HUB = """
import os, io, hashlib, shutil, zipfile
h = torch.hub
here = os.getcwd()
os.makedirs('kept/owner_name_main'), shutil.copy('hubconf.py', 'kept/owner_name_main')
h.set_dir('kept')
def ask(called, *values, name='owner/name:main', **options):
    return called(name, *values, **{'trust_repo': True, 'skip_validation': True} | options)
ask(h.list), ask(h.list, verbose=False), ask(h.list, trust_repo='check')
ask(h.list, trust_repo=None), ask(h.list, trust_repo='zz'), open('kept/trusted_list').read()
ask(h.help, 'small'), ask(h.help, 'needy'), ask(h.help, 'zz'), ask(h.help, 'number')
ask(h.load, 'small', 3, pretrained=True, verbose=False), ask(h.load, 'zz')
ask(h.load, 'small', source='github'), ask(h.list, name='owner:main')
ask(h.list, trust_repo=None, verbose=True)
h.load('.', 'small', source='local')
h.load('.', 'small', 5, source='local', pretrained=True, other=1)
h.load('.', 'needy', source='local').weight.shape, h.load('.', 'zz', source='local')
h.load('.', '_hidden', source='local'), h.load('needing', 'model', source='local')
h.load('.', 'number', source='local'), h.load('zz', 'small', source='local')
h.load('.', 'small', source='zz'), h.load('.', 3, source='local')
h.load('owner', 'model', trust_repo=True), h.load('owner/name:a:b', 'model', trust_repo=True)
h._parse_repo_info('a/b:c'), h._parse_repo_info('a'), h._git_archive_link('a', 'b', 'c')
h._check_module_exists('json'), h._check_module_exists('zz')
before = os.environ.get('TORCH_HOME'), h._hub_dir
h.get_dir(), h.set_dir(None), setattr(h, '_hub_dir', None), os.environ.update(TORCH_HOME='~/home')
h.get_dir() == os.path.join(os.path.expanduser('~/home'), 'hub')
os.environ.update(TORCH_HOME=here), h.get_dir() == os.path.join(here, 'hub')
def write(name, value, **options):
    torch.save(value, name, **options)
    return hashlib.sha256(open(name, 'rb').read()).hexdigest()[:8]
digest = write('plain.pt', {'a': rows})
os.rename('plain.pt', f'named-{digest}.pt'), write('wrong-00000000.pt', {'a': rows}) == 0
write('legacy.pt', {'b': [1, 2]}, _use_new_zipfile_serialization=False) == 0
url = 'file://' + here + '/'
def fetch(name, **options):
    options = {'model_dir': 'models', 'progress': False} | options
    return h.load_state_dict_from_url(url + name, **options)
fetch(f'named-{digest}.pt'), refuse(fetch, 'wrong-00000000.pt', check_hash=True)[:52]
fetch('wrong-00000000.pt', file_name='renamed.pt')
fetch('legacy.pt', map_location='cpu', weights_only=True), refuse(fetch, 'zz.pt')[:9]
sorted(each.replace(digest, 'HASH') for each in os.listdir('models'))
fetch(f'named-{digest}.pt', check_hash=True, model_dir='other')
fetch('legacy.pt', model_dir=None), sorted(os.listdir('hub'))
sorted(os.listdir('hub/checkpoints'))
with zipfile.ZipFile('old.zip', 'w') as packed:
    packed.write('legacy.pt')
fetch('old.zip', map_location='cpu'), sorted(os.listdir('models'))[-1:] != []
with zipfile.ZipFile('two.zip', 'w') as packed:
    packed.write('legacy.pt'), packed.write('hubconf.py')
refuse(fetch, 'two.zip')[:60]
h.download_url_to_file(url + 'hubconf.py', 'copied.py', progress=False)
open('copied.py').read() == open('hubconf.py').read()
h.download_url_to_file(url + 'hubconf.py', 'copied.py',
 hash_prefix=hashlib.sha256(open('hubconf.py', 'rb').read()).hexdigest()[:12], progress=True)
refuse(h.download_url_to_file, url + 'hubconf.py', 'bad.py', hash_prefix='zz')[:30]
os.path.exists('bad.py'), refuse(h.download_url_to_file, url + 'zz', 'bad.py')[:9]
from torch.utils import model_zoo
model_zoo.load_url is h.load_state_dict_from_url
model_zoo.load_url(url + 'legacy.pt', model_dir='zoo', progress=False)
model_zoo.__all__ if hasattr(model_zoo, '__all__') else 0
"""

LISTS = {"exported": EXPORTED, "actions": ACTIONS, "hub": HUB}


@contextlib.contextmanager
def offer_modules() -> Iterator[None]:
    """Write modules of our own into a new current folder, and let them be imported."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name, text in SOURCES.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text, encoding="utf-8")
        written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        sys.path.insert(0, folder)
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.path.remove(folder)
            sys.dont_write_bytecode = written
            for each in [each for each in sys.modules if each.startswith("recorded_")]:
                del sys.modules[each]


def pack_modules(name: str) -> list[str]:
    """Return what archives of modules hold and give back, and what a hub of files gives."""
    names = {"p": importlib.import_module("torch.package"), "rows": pool.make_value("$x")}
    pool.set_seeds()
    hub = torch.hub
    before, old = os.environ.get("TORCH_HOME"), hub._hub_dir
    try:
        with offer_modules():
            return play_script(LISTS[name], names)
    finally:
        hub._hub_dir = old
        os.environ.pop("TORCH_HOME", None)
        os.environ.update({"TORCH_HOME": before} if before is not None else {})


OF_ARCHIVES = (Family(pack_modules, lambda: [*LISTS], lambda _: None),)
