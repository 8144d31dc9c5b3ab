"""Calls in a source that start another program than Python, past the helper `programs`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

STARTERS = {
    "subprocess": "run Popen call check_call check_output getoutput getstatusoutput",
    "os": "system popen startfile posix_spawn posix_spawnp execl execle execlp execlpe "
    "execv execve execvp execvpe spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp "
    "spawnvpe",
    "shutil": "which",
    "asyncio": "create_subprocess_exec create_subprocess_shell",
    "pty": "spawn",
}
_KNOWN = {(home, name) for home, names in STARTERS.items() for name in names.split()}
_DIRECT = ("executable", "shell", "args")
_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Module


def foreign_calls(source: str) -> list[int]:
    """Lines that reach for a starter, other than to call it with `sys.executable` first."""
    tree = ast.parse(source)
    modules = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    return sorted(set(_foreign(tree, [tree], modules)))


def _foreign(
    node: ast.AST, scopes: list[_Scope], modules: dict[str, str]
) -> Iterator[int]:
    if isinstance(node, ast.ImportFrom):
        if any((node.module, alias.name) in _KNOWN for alias in node.names):
            yield node.lineno
        return
    if isinstance(node, ast.Attribute) and _is_starter(node, modules):
        yield node.lineno
        return
    types = getattr(node, "annotation", None), getattr(node, "returns", None)
    children = [child for child in ast.iter_child_nodes(node) if child not in types]
    if isinstance(node, ast.Call) and _is_starter(node.func, modules):
        is_direct = any(keyword.arg in _DIRECT for keyword in node.keywords)
        if node.args and not is_direct and _is_python(node.args[0], scopes):
            children.remove(node.func)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        scopes = [*scopes, node]
    for child in children:
        yield from _foreign(child, scopes, modules)


def _is_starter(node: ast.AST, modules: dict[str, str]) -> bool:
    if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
        return False
    return (modules.get(node.value.id), node.attr) in _KNOWN


def _is_python(command: ast.AST, scopes: list[_Scope]) -> bool:
    """Whether the first word is `sys.executable` in every value the command can have."""
    match command:
        case ast.List(elts=[first, *_]) | ast.Tuple(elts=[first, *_]):
            return ast.unparse(first) == "sys.executable" or (
                isinstance(first, ast.Starred) and _is_python(first.value, scopes)
            )
        case ast.BinOp(left=left, op=ast.Add()):
            return _is_python(left, scopes)
        case ast.Name(id=name):
            return _is_python_name(name, scopes)
    return False


def _is_python_name(name: str, scopes: list[_Scope]) -> bool:
    for depth in range(len(scopes), 0, -1):
        scope = scopes[depth - 1]
        if not isinstance(scope, ast.Module) and name in _parameters(scope):
            return False
        if values := list(_assigned(name, scope)):
            return all(_is_python(value, scopes[: depth - 1]) for value in values)
    return False


def _parameters(scope: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    return {node.arg for node in ast.walk(scope.args) if isinstance(node, ast.arg)}


def _assigned(name: str, scope: _Scope) -> Iterator[ast.AST]:
    """Values of `name = value` in the scope, those of functions in it left out."""
    nodes: list[ast.AST] = list(scope.body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(x, ast.Name) and x.id == name for x in targets):
                yield node.value
        nodes += ast.iter_child_nodes(node)
