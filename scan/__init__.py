"""What an image contains and what is known against it: SBOM and vulnerabilities, by Trivy."""
