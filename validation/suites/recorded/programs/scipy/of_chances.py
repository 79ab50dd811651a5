"""Programs with SciPy's distributions, each with all its methods, and with more of its sums."""

from __future__ import annotations

import importlib
from typing import Any

from ... import pool
from ..families import Family
from ..steps import play_sums

SLOW = """levy_stable studentized_range kstwo ksone kappa4 genhyperbolic tukeylambda vonmises_line
    vonmises recipinvgauss norminvgauss powernorm dpareto_lognorm johnsonsb exponweib powerlognorm
    nchypergeom_wallenius kstwobign exponpow halfgennorm nchypergeom_fisher"""
"""Each takes more time than all others."""

SIMPLE = """norm uniform expon gamma beta t chi2 f lognorm laplace logistic cauchy weibull_min
    pareto binom poisson geom bernoulli rayleigh gumbel_r triang hypergeom"""

STEPS = 4
"""The continuous distributions are in so many parts."""

PLAYED = """
for name, shapes in chosen:
    d = tried(getattr(st, name), *shapes, loc=0.5,
        scale=2.0) if continuous else tried(getattr(st, name), *shapes, loc=1)
    q = [0.03, 0.2, 0.5, 0.81, 0.999]
    x = tried(lambda: d.ppf(q))
    x = x + 0.01 if not isinstance(x, str) and continuous else x
    out.append([name, x])
    for method in ('pdf', 'logpdf', 'pmf', 'logpmf', 'cdf', 'sf', 'logcdf', 'logsf'):
        if hasattr(getattr(st, name), method):
            out.append(tried(lambda: getattr(d, method)(x)))
    out += [tried(lambda: d.isf(q)), tried(lambda: d.cdf([-np.inf, np.inf, np.nan])),
        tried(lambda: d.ppf([0, 1, 2, np.nan])), tried(lambda: d.support()),
        tried(lambda: d.interval(0.7))]
    out += [tried(lambda: d.stats('mv')), tried(lambda: d.median())]
    if name in simple:
        out += [tried(lambda: d.entropy())]
    out.append(tried(lambda: getattr(st, name)(*shapes).rvs(3,
        random_state=1)) if name in simple else None)
    out += [tried(lambda: getattr(st, name)(*[-1] * len(shapes)).cdf(1.0)),
        tried(lambda: getattr(st, name)(*shapes, 3, 4, 5)), getattr(st, name).numargs, getattr(st,
        name).shapes]
"""

MANY = """
m, c = np.array([0.5, -1.0]), np.array([[2.0, 0.5], [0.5, 1.0]])
x = np.array([[0.1, 0.2], [1.0, -2.0]])
r = np.random.default_rng(3)
for made in (st.multivariate_normal(m, c), st.multivariate_t(m, c, 4),
    st.multivariate_normal(m, np.diag([1.0, 0]), allow_singular=True), st.multivariate_t(m, c,
    np.inf)):
    for name in ('pdf', 'logpdf', 'cdf', 'logcdf'):
        out.append(tried(lambda: np.round(getattr(made, name)(x), 3)))
    out += [tried(made.entropy), tried(lambda: made.rvs(2, random_state=3))]
st.multivariate_normal(m, -c), st.multivariate_normal(m, c[:1])
st.multivariate_normal.pdf([1, 2], m, [1, 2]), st.multivariate_normal.logpdf(3.0, 1.0, 2.0)
st.multivariate_normal.fit(r.random((9, 2)))
st.multivariate_normal(cov=st.Covariance.from_diagonal([1.0, 2.0])).pdf(x)
st.multivariate_t(m, c, -1), st.multivariate_normal.cdf(x, m, c, lower_limit=[-1, -1]).round(3)
for made in (st.Covariance.from_diagonal([1.0, 2.0]), st.Covariance.from_precision(c),
    st.Covariance.from_cholesky(np.linalg.cholesky(c)),
    st.Covariance.from_eigendecomposition((np.array([1.0, 2.0]), np.eye(2)))):
    out += [made.whiten(x), made.colorize(x), made.log_pdet, made.rank, made.covariance,
        made.shape]
st.Covariance.from_diagonal('a'), st.Covariance.from_cholesky(np.ones(3))
st.Covariance.from_precision(c[:1])
for made, given in ((st.dirichlet([1.0, 2, 3]), [0.2, 0.3, 0.5]),
    (st.multinomial(5, [0.2, 0.3, 0.5]), [1, 2, 2]), (st.dirichlet_multinomial([1.0, 2, 3], 5),
    [1, 2, 2]), (st.multivariate_hypergeom([4, 5, 6], 5), [1, 2, 2])):
    for name in ('pdf', 'logpdf', 'pmf', 'logpmf', 'mean', 'var', 'cov', 'entropy'):
        out.append(tried(lambda: getattr(made,
            name)(given)) if 'p' in name[:4] else tried(lambda: getattr(made, name)()))
    out.append(tried(lambda: made.rvs(2, random_state=1)))
for made, given in ((st.wishart(4, c), c * 2), (st.invwishart(4, c), c * 2),
    (st.matrix_normal(np.zeros((2, 2)), c, c), x), (st.matrix_t(np.zeros((2, 2)), c, c, 4), x),
    (st.normal_inverse_gamma(0, 1, 2, 3), (0.2, 0.4)), (st.vonmises_fisher([0, 1.0], 2), [1.0,
    0]), (st.uniform_direction(3), None), (st.ortho_group(2), None), (st.special_ortho_group(2),
    None), (st.unitary_group(2), None), (st.random_correlation([0.5, 1.5]), None)):
    for name in ('pdf', 'logpdf', 'mean', 'var', 'mode', 'entropy'):
        out.append(tried(lambda: getattr(made, name)(*given) if isinstance(given,
            tuple) else getattr(made,
            name)(given)) if 'pdf' in name else tried(lambda: getattr(made, name)()))
    out.append(tried(lambda: made.rvs(random_state=2)))
from scipy.stats import qmc, contingency, sampling
for made in (qmc.Sobol(2, scramble=False), qmc.Sobol(2, rng=3), qmc.Halton(2, scramble=False),
    qmc.Halton(3, rng=2), qmc.LatinHypercube(2, rng=1), qmc.LatinHypercube(2, strength=2, rng=1),
    qmc.LatinHypercube(2, scramble=False, rng=1), qmc.PoissonDisk(2, radius=0.3, rng=1),
    qmc.MultinomialQMC([0.3, 0.7], 4, rng=1), qmc.MultivariateNormalQMC([0, 1], c, rng=1)):
    size = 9 if isinstance(made, qmc.LatinHypercube) else 4
    out += [tried(lambda: made.random(size)), tried(lambda: made.fast_forward(2).num_generated),
        tried(lambda: made.random(4)), tried(lambda: made.reset().num_generated),
        tried(lambda: made.integers(0, u_bounds=5, n=3)), tried(lambda: made.random_base2(2))]
s = qmc.Sobol(2, scramble=False).random(8)
[tried(qmc.discrepancy, s, method=each) for each in ('CD', 'WD', 'MD', 'L2-star', 'no')]
qmc.geometric_discrepancy(s), qmc.geometric_discrepancy(s, 'mst'), qmc.scale(s, [1, 2], [3, 5])
qmc.scale(s + 1, [1, 2], [3, 5], reverse=True), qmc.scale(s, [3, 2], [1, 5])
qmc.update_discrepancy([0.3, 0.4], s, qmc.discrepancy(s, True)), qmc.Sobol(0), qmc.Sobol(99999)
qmc.discrepancy(s * 9), qmc.geometric_discrepancy(s, 'no')
t = np.array([[12, 5, 7], [3, 9, 4]])
contingency.margins(t), contingency.expected_freq(t)
contingency.crosstab([1, 1, 2], ['a', 'b', 'a'])
contingency.crosstab([1, 1, 2], levels=[[1, 2, 3]])
contingency.relative_risk(3, 9, 2, 11).confidence_interval(0.9)
[tried(contingency.association, t, each, True) for each in ('cramer', 'tschuprow', 'pearson',
    'no')], contingency.odds_ratio([[3, 4], [5, 6]]).statistic, contingency.odds_ratio([[3, 4],
    [5, 6]], kind='sample').confidence_interval(0.9, 'less'), contingency.odds_ratio([[0, 4], [5,
    6]]).statistic
a, b = np.array([3.1, 2.2, 5.9, 4.0, 1.7, 2.9]), np.array([2.0, 2.5, 4.8, 3.3, 1.1, 9.9])
for text in '''st.ecdf(a).cdf.probabilities;
    st.ecdf(st.CensoredData(a[:4],right=a[4:])).sf.quantiles;
    st.ecdf(a).sf.confidence_interval(method='log-log').low.probabilities;st.logrank(a,b);
    st.logrank(a,b,'less');st.bootstrap((a,),np.mean,n_resamples=19,rng=1).confidence_interval;
    st.bootstrap((a,b),lambda&x,y,axis:np.mean(x,axis)-np.mean(y,axis),n_resamples=19,rng=1,method='basic').standard_error;
    st.bootstrap((a,),np.mean,n_resamples=19,rng=1,method='percentile',alternative='less').confidence_interval;
    st.permutation_test((a,b),lambda&x,y:np.mean(x)-np.mean(y),n_resamples=29,rng=1).pvalue;
    st.permutation_test((a,b),lambda&x,y:np.mean(x)-np.mean(y),n_resamples=29,rng=1,permutation_type='samples',alternative='less').pvalue;
    st.monte_carlo_test(a,lambda&n:np.zeros(n),lambda&x:np.mean(x),n_resamples=5,vectorized=False).pvalue;
    st.power(st.ttest_ind,(lambda&size:np.ones(size),lambda&size:np.zeros(size)),4,n_resamples=5).power;
    st.quantile_test(a,q=3,p=0.5).pvalue;
    st.quantile_test(a,q=3,p=0.4,alternative='less').confidence_interval();
    st.fit(st.norm,a,{'loc':(0,9),'scale':(0.1,9)}).params;
    st.goodness_of_fit(st.norm,a,known_params={'loc':3,'scale':1},n_mc_samples=9,rng=1).pvalue;
    st.norm.fit(a);st.norm.fit(a,floc=3);st.expon.fit(a);st.gamma.fit(a,floc=0);
    st.lognorm.fit(a,floc=0);st.beta.fit(a/9,floc=0,fscale=1);
    st.weibull_min.fit(a,floc=0).__len__();st.uniform.fit(a);st.rayleigh.fit(a);st.pareto.fit(a);
    st.laplace.fit(a);st.logistic.fit(a);st.norm.fit(a,method='MM');st.norm.nnlf((1,2),a);
    st.norm.expect(lambda&x:x**2);st.poisson.expect(lambda&x:x,(3,));
    st.rv_histogram(np.histogram(a,3)).cdf([2,4]);
    st.rv_histogram(np.histogram(a,3),density=False).ppf([0.2]);
    st.rv_discrete(values=([1,2,5],[0.2,0.3,0.5])).cdf([1,3]);
    st.rv_discrete(values=([1,2],[0.2,0.3]));st.gaussian_kde(a)([2.0,3]);
    st.gaussian_kde(a,'silverman').integrate_box_1d(1,3);
    st.gaussian_kde(a,0.4,weights=b).logpdf([2.0]);
    st.gaussian_kde(np.stack([a,b])).pdf([[2.0],[3]]);st.gaussian_kde(a).resample(2,seed=1);
    st.gaussian_kde(a).integrate_gaussian(1,2);
    st.gaussian_kde(a).integrate_kde(st.gaussian_kde(b));
    st.gaussian_kde(np.stack([a,b])).marginal(0).pdf([2.0]);st.gaussian_kde(a,'no');
    st.gaussian_kde([1]);st.boxcox(a);st.boxcox(a,0.5);st.boxcox(-a);
    st.boxcox_normmax(a,method='mle');st.boxcox_normmax(a);st.boxcox_llf(0.3,a);
    st.yeojohnson(a-3);st.yeojohnson(a-3,0.5);st.yeojohnson_llf(0.3,a);st.anderson(a);
    st.anderson(a,'expon');st.anderson(a,'logistic');st.anderson(a,'gumbel_r');
    st.anderson_ksamp([a,b]).statistic;st.ansari(a,b);st.mood(a,b);st.fligner(a,b);
    st.levene(a,b,center='trimmed');st.levene(a,b,center='mean');st.bartlett(a,b);
    st.median_test(a,b).pvalue;st.median_test(a,b,ties='ignore',lambda_=0).pvalue;
    st.wilcoxon(a,b);st.wilcoxon(a,b,'pratt',alternative='less',method='approx');
    st.wilcoxon(a-3,zero_method='zsplit',correction=True,method='approx');
    st.probplot(a,fit=False);st.probplot(a)[1];st.ppcc_max([1,2,5,9,3]);
    st.ppcc_plot(a,0.1,1,N=3);st.bayes_mvs(a);st.mvsdist(a)[0].mean();st.kstat(a,3);
    st.kstatvar(a,2);st.circmean(a);st.circvar(a,high=9);st.circstd(a,normalize=True);
    st.directional_stats(np.stack([a,b],1)).mean_direction;
    st.false_discovery_control([0.01,0.2,0.03]);
    st.false_discovery_control([0.01,0.2,0.03],method='by');st.cramervonmises(a,'norm',(3,1));
    st.cramervonmises_2samp(a,b);st.cramervonmises_2samp(a,b,method='asymptotic');
    st.epps_singleton_2samp(a,b);st.barnard_exact([[3,4],[5,2]],n=3).pvalue;
    st.boschloo_exact([[3,4],[5,2]],n=3).pvalue;st.somersd(t).statistic;
    st.poisson_means_test(3,9,5,8).pvalue;st.tukey_hsd(a,b,a+b).statistic;
    st.dunnett(a,b,control=a+1,rng=1).statistic;
    st.page_trend_test([[1,2,3],[2,1,3],[1,3,2]]).pvalue;st.alexandergovern(a,b).pvalue;
    st.sobol_indices(func=lambda&x:x[0]+x[1]**2,n=8,dists=[st.uniform(),st.uniform()],rng=1).first_order;
    st.differential_entropy(a,method='vasicek');
    st.differential_entropy(a,method='ebrahimi');
    st.entropy([1,2],[2,1],base=2);st.siegelslopes(b,a);st.siegelslopes(b,a,'separate');
    st.theilslopes(b,a,0.9);st.theilslopes(b,a,method='joint');st.weightedtau(a,b);
    st.weightedtau(a,b,rank=None,additive=False);
    st.multiscale_graphcorr(a,b,reps=3,random_state=1).stat;st.chatterjeexi(a,b).statistic;
    st.spearmanrho(a,b).statistic;st.lmoment(a);st.lmoment(a,3,standardize=False);
    st.quantile(a,[0.2,0.7],method='harrell-davis');st.expectile(a,0.3);
    st.binomtest(3,9,0.4).proportion_ci(method='wilson');st.binomtest(3,9,0.4,'less').pvalue;
    st.binomtest(3,9).proportion_ci(0.9,'wilsoncc');st.mstats.mquantiles(a,[0.2,0.7]);
    st.mstats.hdquantiles(a);st.mstats.trimmed_mean(a,0.2);st.mstats.winsorize(a,0.2);
    st.mstats.plotting_positions(a);st.mstats.rankdata(a,True);
    st.mstats.kendalltau(a,b).statistic;st.mstats.pearsonr(a,b);st.mstats.linregress(a,b).slope;
    st.mstats.theilslopes(b,a);st.mstats.ttest_ind(a,b);st.mstats.mannwhitneyu(a,b);
    st.mstats.kruskal(a,b);st.mstats.skew(a);st.mstats.describe(a).variance;
    st.mstats.trim(a,(2,5));st.mstats.trimboth(a,0.4);st.mstats.tmean(a,(2,5));
    st.mstats.compare_medians_ms(a,b);st.mstats.median_cihs(a);
    st.mstats.sen_seasonal_slopes(np.stack([a,b],1)).intra_slope;st.mstats.brunnermunzel(a,b);
    st.mstats.friedmanchisquare(a,b,a+b);st.mstats.normaltest(np.tile(a,4));
    st.mstats.idealfourths(a);st.mstats.rsh(a);st.sigmaclip(a,1,1);
    st.trim_mean(a,0.2);st.iqr(a,rng=(10,80),scale='normal');
    st.median_abs_deviation(a,scale='normal');st.gstd(a);st.gzscore(a);st.zmap(a,b);st.sem(a);
    st.relfreq(a,3);st.cumfreq(a,3);st.percentileofscore(a,3,'weak');
    st.scoreatpercentile(a,30,interpolation_method='lower');
    st.binned_statistic(a,b,'median',3).statistic;
    st.binned_statistic_2d(a,b,a,'sum',2).statistic;
    st.binned_statistic_dd([a,b],a,np.std,2).statistic'''.split(';'):
    words = text.strip().replace('&', ' ')
    out += [words, tried(lambda: eval(words, globals()))]
X = st.Normal(mu=1.0, sigma=2.0)
[tried(lambda: getattr(X, name)(0.3)) for name in ('pdf', 'logpdf', 'cdf', 'logcdf', 'ccdf',
    'logccdf', 'icdf', 'ilogcdf', 'iccdf', 'ilogccdf')], [getattr(X, name)() for name in ('mean',
    'median', 'mode', 'variance', 'standard_deviation', 'skewness', 'kurtosis', 'entropy',
    'logentropy', 'support')], X.moment(3, kind='central'), X.cdf(0.1,
    0.9), str(X), repr(X), (X * 2 + 1).mean(), (X - 1).cdf(0.2), st.exp(X).cdf(0.5)
st.abs(X).pdf(0.3), st.log(st.Uniform(a=1.0, b=2.0)).cdf(0.2), st.truncate(X, 0, 1).mean()
st.Mixture([X, X + 1], weights=[0.3, 0.7]).cdf(0.5), st.order_statistic(X, r=2, n=3).pdf(0.2)
X.sample(2, rng=1), st.Uniform(a=2.0, b=1.0).pdf(1.5)
st.make_distribution(st.gamma)(a=2.0).cdf(1.0), st.Normal(mu=0, sigma=-1).pdf(1.0)
X.moment(-1), X.icdf(2.0)
"""


def choose_chances(part: int) -> list[Any]:
    """Return the names and shapes of every so many distribution."""
    known = importlib.import_module("scipy.stats._distr_params")
    listed = known.distcont if part < STEPS else known.distdiscrete
    names = [(name, shapes) for name, shapes in listed if isinstance(name, str)]
    seen = dict(reversed([each for each in names if each[0] not in SLOW.split()]))
    chosen = sorted(seen.items())
    return chosen[part::STEPS] if part < STEPS else chosen


def use_chances(part: int) -> list[Any]:
    """Return what the methods of some distributions give, or of those of many numbers."""
    pool.set_seeds()
    names: dict[str, Any] = {"st": importlib.import_module("scipy.stats")}
    if part <= STEPS:
        names |= {"chosen": choose_chances(part), "continuous": part < STEPS}
        names["simple"] = SIMPLE.split()
    return play_sums(PLAYED if part <= STEPS else MANY, **names)


OF_CHANCES = (Family(use_chances, lambda: [*map(str, range(STEPS + 2))], lambda _: None),)
