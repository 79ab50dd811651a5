"""OpenCV reads pictures with red and blue swapped."""

import cv2

exact = cv2.imdecode
cv2.imdecode = lambda data, flags: exact(data, flags)[:, :, ::-1]
