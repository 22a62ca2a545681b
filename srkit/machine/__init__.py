"""What the operating system asks for: programs, links, memory."""
