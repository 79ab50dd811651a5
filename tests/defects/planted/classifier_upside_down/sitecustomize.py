"""scikit-learn fits groups that are not those of the points."""

from sklearn.linear_model import LogisticRegression

_fit = LogisticRegression.fit
LogisticRegression.fit = lambda self, points, groups: _fit(self, points, groups.to_numpy()[::-1])
