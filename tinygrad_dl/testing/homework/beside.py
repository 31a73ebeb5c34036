"""Modules beside a learner's file: where they are looked for, and how they run, which is as the file itself does."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from .source import CannotCheck, Source, read_source
from .stand_ins import DRAWING, QuietModule

UP = 3  # folders above the file that are searched
OF_COURSE = " of the course"
COURSE = (  # modules of the course, and the functions that stand in for them
    (r"dnn_(app_)?utils\w*", "with_caches"),
    (r"(planar|init|reg|gc)_utils\w*", "plain"),
)


def imported(tree: ast.Module) -> set[str]:
    """The top-level modules that the code imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def package_of(path: Path, tree: ast.Module) -> str:
    """The package that a file belongs to, for its relative imports: "" if it has none."""
    levels = [node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    folders: list[str] = []
    folder = path.resolve().parent
    while len(folders) < max(levels, default=0) or (folders and (folder / "__init__.py").exists()):
        folders.insert(0, folder.name)
        folder = folder.parent
    return ".".join(folders)


def search_path(path: Path, tree: ast.Module) -> list[Path]:
    """The folder of the file, and folders above it that hold a module which it imports."""
    folder = path.resolve().parent
    above = folder.parents
    found = {depth for depth in [len(package_of(path, tree).split(".")) - 1] if package_of(path, tree)}
    for name in imported(tree) - {*sys.stdlib_module_names, *sys.modules, *DRAWING}:
        if not _holds(folder, name):
            found |= {next((i for i, parent in enumerate(above[:UP]) if _holds(parent, name)), -1)} - {-1}
    return [folder, *(above[depth] for depth in sorted(found) if depth < len(above))]


def _holds(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name).is_dir()


class Beside(MetaPathFinder):
    """A finder of the modules in some folders, and of stand-ins for modules that draw.

    `run` runs the source of a module in its namespace. `found` are the names of the modules, `modules` their sources.
    """

    folders: list[str]
    own: str
    run: Any
    installed: set[str]

    def __init__(self, folders: Iterable[Path], own: str, run: Callable[[Source, dict[str, Any]], Any]):
        self.folders, self.own, self.run = [str(folder) for folder in folders], own, run
        self.installed = set(sys.path)
        self.wanted: set[str] = set()
        self.found: set[str] = set()
        self.modules: dict[str, Source] = {}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The place of a module, if it is one of these."""
        if name.split(".")[0] in DRAWING:
            return ModuleSpec(name, _Drawing(), is_package=True)
        if path is None:
            if name in sys.stdlib_module_names and (name not in self.wanted or name == self.own):
                return None
            path = self.folders + [entry for entry in sys.path if entry not in self.installed]
        elif name.split(".")[0] not in self.found:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec and isinstance(spec.loader, SourceFileLoader) and spec.origin:
            shown = _shown(spec.origin, self.folders)
            loader, inside = _Lenient(self, spec.origin, shown), spec.submodule_search_locations
            spec = spec_from_file_location(name, spec.origin, loader=loader, submodule_search_locations=inside)
        elif spec is None and (origin := _of_the_course(name)):
            spec = spec_from_file_location(name, origin, loader=_Lenient(self, origin, f"{name}{OF_COURSE}"))
        if spec:
            self.found.add(name)
        return spec


class _Lenient(Loader):
    """A loader that runs a module as the file itself is run: what fails is left out."""

    def __init__(self, finder: Beside, path: str, shown: str):
        self.finder, self.path, self.shown = finder, path, shown

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        try:
            source = read_source(self.path, self.shown)
        except CannotCheck as error:
            raise ImportError(str(error)) from None
        self.finder.wanted |= imported(source.tree)
        self.finder.modules[module.__name__] = source
        self.finder.run(source, vars(module))


class _Drawing(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return QuietModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def _of_the_course(name: str) -> str:
    """The path of the functions in place of a module of the course; "" for any other module."""
    found = [file for pattern, file in COURSE if re.fullmatch(pattern, name)]
    return str(Path(__file__).parent / "course" / f"{found[0]}.py") if found else ""


def _shown(path: str, folders: list[str]) -> str:
    """The path of a module relative to the folder that it was found in."""
    found = [Path(path).relative_to(folder).as_posix() for folder in folders if Path(path).is_relative_to(folder)]
    return min(found, key=len, default=path)
