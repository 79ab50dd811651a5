"""Contents of an image and its known faults: SBOM, vulnerabilities, secrets, licences, facts."""
