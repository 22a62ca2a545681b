"""What watches every run: files of numbers, TensorBoard, pictures, retention; nothing but implementations of hooks."""
