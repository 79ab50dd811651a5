"""OpenCV leaves pictures as they lie in their files."""

import cv2

exact = cv2.imdecode
cv2.imdecode = lambda data, flags: exact(data, flags | cv2.IMREAD_IGNORE_ORIENTATION)
