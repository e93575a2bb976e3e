var quartusJSON={"quartusFitClockSummary":{"name":"Quartus Fit Summary","nodes":[{"name":"Quartus Fitter: Clock Frequency (MHz)","type":"system","id":1000,"clock":"312.5"}]},
"quartusFitResourceUsageSummary":{"nodes":[
{"name":"top","type":"component","alm":"2900","reg":"6100","ram":"3","dsp":"64","mlab":"10"},
{"name":"Quartus Fitter: Full Design (All Components)","type":"system","alm":"3,015","reg":"6250","ram":"3","dsp":"64","mlab":"11"}]}};
