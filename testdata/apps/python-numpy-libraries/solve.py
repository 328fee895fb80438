import numpy as np

print(np.linalg.solve(np.array([[2.0, 4.0], [6.0, 8.0]]), np.array([2.0, 3.0])))
