"""The built-in components, a folder for each kind; registered by entry points exactly as a third party's are."""
