"""An import contract of our own: apps meet only through their public modules."""

from __future__ import annotations

import grimp
from importlinter import Contract, ContractCheck, fields, output
from importlinter.application import contract_utils


class PublicModulesContract(Contract):
    """From another app, import only the modules that every app offers under a public name."""

    type_name = "public_modules"

    apps = fields.ListField(subfield=fields.StringField())
    public = fields.ListField(subfield=fields.StringField())
    composition_root = fields.StringField()
    public_to_root = fields.ListField(subfield=fields.StringField())
    ignore_imports = fields.SetField(subfield=fields.ImportExpressionField(), required=False)

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        """Collect every import of a private module from outside its app."""
        ignored = contract_utils.remove_ignored_imports_and_report(
            graph=graph,
            ignore_imports=self.ignore_imports,
            unmatched_alerting=contract_utils.AlertLevel.ERROR,
        )
        found = [
            (importer, module)
            for app in self.apps
            for module in sorted(graph.find_descendants(app))
            for importer in sorted(graph.find_modules_that_directly_import(module))
            if not self._may_import(importer, module)
        ]
        return ContractCheck(
            kept=not found,
            warnings=list(ignored.warnings),
            ignored_import_count=ignored.ignored_import_count,
            metadata={"found": found},
        )

    def _may_import(self, importer: str, module: str) -> bool:
        app, name, *_ = [*module.split("."), ""]
        importing_app, importing_name, *_ = [*importer.split("."), ""]
        if importing_app == app or name in self.public:
            return True
        # One representation of a command serves every API that answers with one.
        if importing_name == name == "api":
            return True
        return importing_app == self.composition_root and name in self.public_to_root

    def render_broken_contract(self, check: ContractCheck) -> None:
        """List the imports, one a line."""
        for importer, module in check.metadata["found"]:
            output.print_error(f"- {importer} imports {module}, which is private to its app")
