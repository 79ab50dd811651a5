"""OpenCV does without the fast code that it has."""

import cv2

cv2.setUseOptimized(False)
