"""The super-resolution architectures that spandrel holds, as generators for srkit."""
