"""Small SBOMs as Trivy writes them."""

from __future__ import annotations

from typing import Any


def sbom(distribution: str = "12.15") -> dict[str, Any]:
    """CycloneDX as Trivy writes it, of four packages: openssl, bash, jinja2 and torch."""
    system = component(
        "operating-system", "debian", distribution, "", Class="os-pkgs", Type="debian"
    )
    parts = [
        debian("libssl3", "3.0.11-1~deb12u2", "openssl", "3.0.11-1~deb12u2", distribution),
        debian("bash", "5.2.15-2+b7", "bash", "5.2.15-2", distribution),
        component(
            "library",
            "jinja2",
            "3.1.4",
            "pkg:pypi/jinja2@3.1.4",
            PkgType="python-pkg",
            FilePath="jinja2",
        ),
        component(
            "library",
            "torch",
            "2.6.0+cu124",
            "pkg:pypi/torch@2.6.0%2Bcu124",
            PkgType="python-pkg",
            FilePath="t",
        ),
    ]
    depends = [{"ref": "debian", "dependsOn": [part["bom-ref"] for part in parts[:2]]}]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [system, *parts],
        "dependencies": depends,
    }


def debian(
    name: str, version: str, source: str, source_version: str, distribution: str
) -> dict[str, Any]:
    purl = f"pkg:deb/debian/{name}@{version.replace('+', '%2B')}?arch=amd64&distro=debian-{distribution}"  # noqa: E501 - one line of what another program reads
    upstream, _, revision = source_version.rpartition("-")
    of_source = {"SrcName": source, "SrcVersion": upstream, "SrcRelease": revision}
    return component("library", name, version, purl, PkgType="debian", **of_source)


def component(kind: str, name: str, version: str, purl: str, **properties: str) -> dict[str, Any]:
    said = [
        {"name": f"aquasecurity:trivy:{key}", "value": value} for key, value in properties.items()
    ]
    whole = {
        "type": kind,
        "name": name,
        "version": version,
        "bom-ref": purl or name,
        "properties": said,
    }
    return {**whole, **({"purl": purl} if purl else {})}
